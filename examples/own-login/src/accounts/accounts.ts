import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';

/** Who may log in, and the teams that each is in. An app has this in its database. */
const ACCOUNTS: Readonly<Record<string, { password: string; name: string; teams: readonly string[] }>> = {
  ann: { password: 'apple', name: 'Ann', teams: ['red', 'blue'] },
  ben: { password: 'banana', name: 'Ben', teams: ['red'] },
};

/** For how long a login lasts. */
const LASTS_MS = 8 * 60 * 60 * 1_000;

export interface Login {
  readonly user: string;
  readonly name: string;
  readonly expiresAt: Date;
}

/** The accounts of this app and who is logged in to them. It knows nothing of sockets. */
@Injectable()
export class Accounts {
  private readonly logins = new Map<string, Login>();

  /** The session for the cookie; `undefined` when the password is wrong. */
  logIn(user: string, password: string): string | undefined {
    const account = Object.hasOwn(ACCOUNTS, user) ? ACCOUNTS[user] : undefined;
    if (account?.password !== password) return undefined;
    const session = randomUUID();
    this.logins.set(session, { user, name: account.name, expiresAt: new Date(Date.now() + LASTS_MS) });
    return session;
  }

  /** Whose session it was. */
  logOut(session: string): Login | undefined {
    const login = this.find(session);
    this.logins.delete(session);
    return login;
  }

  find(session: string | undefined): Login | undefined {
    const login = session === undefined ? undefined : this.logins.get(session);
    return login && login.expiresAt.getTime() > Date.now() ? login : undefined;
  }

  isInTeam(user: string, team: string): boolean {
    return ACCOUNTS[user]?.teams.includes(team) === true;
  }
}
