/** What the types of the installed Socket.IO offer an app. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const DECLARATIONS = join(dirname(createRequire(import.meta.url).resolve('socket.io/package.json')), 'dist');

const FILES: Readonly<Record<string, string>> = {
  Server: 'index',
  Namespace: 'namespace',
  BroadcastOperator: 'broadcast-operator',
  RemoteSocket: 'broadcast-operator',
  Socket: 'socket',
};

/** What all that listen have in common. */
const LISTENING = ['on', 'once', 'listeners'] as const;
const THAT_LISTEN: ReadonlySet<string> = new Set(['Server', 'Namespace', 'Socket']);

/** The public methods and properties of a class of Socket.IO's, by name; those that begin with `_` are its own. */
export function publicMembers(className: string): string[] {
  const path = join(DECLARATIONS, `${FILES[className]!}.d.ts`);
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  const names = new Set<string>(THAT_LISTEN.has(className) ? LISTENING : []);
  if (className === 'Server') names.add('emit');
  source.forEachChild((node) => {
    if (!ts.isClassDeclaration(node) || node.name?.text !== className) return;
    for (const member of node.members) {
      if (!member.name || isHidden(member)) continue;
      const name = member.name.getText(source);
      if (!name.startsWith('_')) names.add(name);
    }
  });
  return [...names].toSorted();
}

const isHidden = (member: ts.ClassElement): boolean =>
  (ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0;
