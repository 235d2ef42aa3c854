import { Module } from '@nestjs/common';
import { SwitchboardModule } from 'switchboard-gateway';
import { Accounts } from './accounts/accounts.js';
import { AccountsModule } from './accounts/accounts.module.js';
import { sessionIn } from './accounts/session-cookie.js';
import { ChatGateway } from './chat/chat.gateway.js';

/** Who a client is, and what it may do in which room, this app says: there is no token anywhere. */
@Module({
  imports: [
    SwitchboardModule.forRootAsync({
      imports: [AccountsModule],
      inject: [Accounts],
      useFactory: (accounts: Accounts) => ({
        authenticate: ({ headers }) => {
          const login = accounts.find(sessionIn(headers.cookie));
          return login && { user: login.user, info: { name: login.name }, expiresAt: login.expiresAt };
        },
        authorize: ({ user, room, action }) =>
          action !== 'emit' && room.startsWith('team:') && accounts.isInTeam(user, room.slice(5)),
      }),
    }),
    AccountsModule,
  ],
  providers: [ChatGateway],
})
export class AppModule {}
