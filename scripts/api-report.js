/**
 * The types that the package exports, as text: what a change of them is, a review sees. Made from the declarations.
 *
 * Comments, private members and the constructors that Nest calls are left out.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** @param {string} path from the project's root */
const inProject = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const DECLARATIONS = inProject('node_modules/.cache/api');
const ENTRIES = {
  'switchboard-gateway': 'index',
  'switchboard-gateway/client': 'microservice/client/index',
  'switchboard-gateway/microservice': 'microservice/index',
  'switchboard-gateway/testing': 'testing/index',
};

const printer = ts.createPrinter({ removeComments: true });

/** @returns {string} Markdown */
export function renderApiReport() {
  const compiler = inProject('node_modules/typescript-native/bin/tsc');
  const options = ['-p', inProject('tsconfig.json'), '--emitDeclarationOnly', '--outDir', DECLARATIONS];
  const { status, stdout } = spawnSync(process.execPath, [compiler, ...options], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`no declarations: ${stdout}`);
  const parts = Object.entries(ENTRIES).map(([name, entry]) => {
    const declarations = exportsOf(join(DECLARATIONS, `${entry}.d.ts`)).toSorted(([one], [other]) =>
      one < other ? -1 : 1,
    );
    return `## ${name}\n\n\`\`\`ts\n${declarations.map(([, text]) => text).join('\n\n')}\n\`\`\``;
  });
  return `# The public types\n\n${INTRO}\n\n${parts.join('\n\n')}\n`;
}

const INTRO = `
<!-- Made from the declarations by \`node scripts/generate-docs.js\`. -->

Everything that the package exports. A change here is a change for those who use it: it belongs into the
[changes](../CHANGELOG.md).`.trim();

/** @param {string} file @returns {[name: string, text: string][]} */
function exportsOf(file) {
  return parse(file).statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement) || !statement.moduleSpecifier || !statement.exportClause)
      return [];
    const specifier = /** @type {ts.StringLiteral} */ (statement.moduleSpecifier).text;
    const from = join(dirname(file), specifier.replace(/\.js$/, '.d.ts'));
    const { elements } = /** @type {ts.NamedExports} */ (statement.exportClause);
    return elements.map(({ name, propertyName }) => [
      name.text,
      declarationOf(from, (propertyName ?? name).text),
    ]);
  });
}

/** @param {string} file @param {string} name @returns {string} */
function declarationOf(file, name) {
  const source = parse(file);
  for (const statement of source.statements) {
    if (namesOf(statement).includes(name)) {
      return printer.printNode(ts.EmitHint.Unspecified, withoutInternals(statement), source);
    }
  }
  const again = exportsOf(file).find(([exported]) => exported === name);
  if (again === undefined) throw new Error(`${file} exports no ${name}`);
  return again[1];
}

/** @param {ts.Statement} statement @returns {string[]} */
function namesOf(statement) {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => /** @type {ts.Identifier} */ (name).text);
  }
  const { name } = /** @type {{ name?: ts.Identifier }} */ (/** @type {unknown} */ (statement));
  return name === undefined ? [] : [name.text];
}

/** @param {ts.Statement} statement */
function withoutInternals(statement) {
  if (ts.isVariableStatement(statement)) return withNamesOnly(statement);
  if (!ts.isClassDeclaration(statement)) return statement;
  const isError = statement.heritageClauses?.some((clause) => clause.getText().includes('Error'));
  const members = statement.members.filter(
    (member) =>
      !(ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) &&
      !(member.name && ts.isPrivateIdentifier(member.name)) &&
      (isError || !ts.isConstructorDeclaration(member)),
  );
  const { modifiers, name, typeParameters, heritageClauses } = statement;
  return ts.factory.createClassDeclaration(modifiers, name, typeParameters, heritageClauses, members);
}

/**
 * A table such as that of the errors: what is under its names is in a page of its own.
 * @param {ts.VariableStatement} statement
 */
function withNamesOnly(statement) {
  const [{ name, type }] = statement.declarationList.declarations;
  if (!type || !ts.isTypeLiteralNode(type)) return statement;
  const members = type.members.map((member) =>
    ts.isPropertySignature(member) && member.type && ts.isTypeLiteralNode(member.type)
      ? ts.factory.createPropertySignature(member.modifiers, member.name, undefined, undefined)
      : member,
  );
  const table = ts.factory.createTypeLiteralNode(members);
  const declaration = ts.factory.createVariableDeclaration(name, undefined, table);
  return ts.factory.createVariableStatement(
    statement.modifiers,
    ts.factory.createVariableDeclarationList([declaration], ts.NodeFlags.Const),
  );
}

/** @param {string} file */
function parse(file) {
  return ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
}
