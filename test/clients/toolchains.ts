/** What builds the client programs of each language, and how to get it where it is missing. */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const FOLDER = fileURLToPath(new URL('.', import.meta.url));

/** Outside of what git keeps; an empty one is filled by the first run. */
const CACHE = join(FOLDER, '.cache');

export interface Toolchain {
  readonly name: string;
  /** One line. */
  readonly howToGetIt: string;
  /** The project says which version of the library it is, not the machine. */
  readonly isLocked?: true;
  /** Of a library that no package registry has: where it is, or empty. It is expected only where that is named. */
  readonly place?: string;
  isThere(): boolean;
  build(): Promise<void>;
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

const works = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0;

/** @throws Error with what it wrote, when it fails */
async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  const options = { cwd, env: { ...process.env, ...env }, maxBuffer: MAX_OUTPUT_BYTES };
  await promisify(execFile)(program, args, options).catch((reason: Error & { stdout?: string }) => {
    throw new Error(`${reason.message}${reason.stdout ?? ''}`);
  });
}

/** Runs it unless it has run with these very files. */
async function once(name: string, files: readonly string[], make: () => Promise<void>): Promise<void> {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(FOLDER, file)));
  const stamp = join(CACHE, `${name}.sha256`);
  const now = hash.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return;
  mkdirSync(CACHE, { recursive: true });
  await make();
  writeFileSync(stamp, now);
}

const VENV = join(CACHE, 'python');

export const PYTHON = join(VENV, 'bin/python');

export const pypi: Toolchain = {
  name: 'Python',
  isLocked: true,
  howToGetIt: 'python3 with venv (apt-get install python3 python3-venv)',
  isThere: () => works('python3', '-c', 'import venv, ensurepip'),
  build: () =>
    once('python', ['python/requirements.txt'], async () => {
      await run('python3', ['-m', 'venv', '--clear', VENV], FOLDER);
      await run(join(VENV, 'bin/pip'), ['install', '-q', '-r', 'python/requirements.txt'], FOLDER);
    }),
};

export const DEBIANS_PYTHON = process.env['TEST_DEBIANS_PYTHON'] ?? '/usr/bin/python3';

export const debian: Toolchain = {
  name: "Debian's Python packages",
  howToGetIt: 'apt-get install python3-socketio python3-requests python3-websocket python3-aiohttp',
  isThere: () => works(DEBIANS_PYTHON, '-c', 'import socketio, requests, websocket, aiohttp'),
  build: () => Promise.resolve(),
};

const JARS = join(CACHE, 'java/lib');
const CLASSES = join(CACHE, 'java/classes');
const COPY_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';

/** Runs a class of test/clients/java. */
export const javaProgram = (name: string): string[] => ['java', '-cp', `${CLASSES}:${join(JARS, '*')}`, name];

export const java: Toolchain = {
  name: 'Java',
  isLocked: true,
  howToGetIt: 'a JDK of 17 or newer and Maven (apt-get install default-jdk-headless maven)',
  isThere: () =>
    works('javac', '--release', '17', '-version') && works('java', '-version') && works('mvn', '-version'),
  build: () =>
    once('java', ['java/pom.xml', 'java/Client.java', 'java/Snippet.java'], async () => {
      await run('mvn', ['-q', '-B', COPY_DEPENDENCIES, `-DoutputDirectory=${JARS}`], join(FOLDER, 'java'));
      await run(
        'javac',
        ['-cp', join(JARS, '*'), '-d', CLASSES, 'Client.java', 'Snippet.java'],
        join(FOLDER, 'java'),
      );
    }),
};

const GO_PROGRAMS = join(CACHE, 'go');

export const goProgram = (name: string): string[] => [join(GO_PROGRAMS, name)];

export const go: Toolchain = {
  name: 'Go',
  isLocked: true,
  howToGetIt: 'Go 1.26 or newer (https://go.dev/dl)',
  isThere: () => {
    // One of 1.21 or newer gets the version that go.mod names and then says so, where it can.
    const { stdout } = spawnSync('go', ['version'], { cwd: join(FOLDER, 'go'), encoding: 'utf8' });
    const [, minor] = /go1\.(\d+)/.exec(stdout ?? '') ?? [];
    return Number(minor) >= 26;
  },
  build: async () => {
    mkdirSync(GO_PROGRAMS, { recursive: true });
    await run('go', ['build', '-mod=readonly', '-o', `${GO_PROGRAMS}/`, './...'], join(FOLDER, 'go'));
  },
};

const TARGET = join(CACHE, 'rust');

export const rustProgram = (name: string): string[] => [join(TARGET, 'debug', name)];

export const rust: Toolchain = {
  name: 'Rust',
  isLocked: true,
  howToGetIt:
    'Rust (https://rustup.rs), and a linker and OpenSSL (apt-get install gcc libc6-dev libssl-dev pkg-config)',
  isThere: () =>
    works('cargo', '--version') && works('cc', '--version') && works('pkg-config', '--exists', 'openssl'),
  build: () => run('cargo', ['build', '-q', '--locked'], join(FOLDER, 'rust'), { CARGO_TARGET_DIR: TARGET }),
};

/** A checkout of socket.io-client-cpp. */
export const CPP_SOURCE = process.env['SOCKET_IO_CLIENT_CPP'] ?? '';

const CPP_FOLDER = join(CACHE, 'cpp');

/** As its CMakeLists.txt sets them. */
export const CPP_FLAGS = [
  '-std=c++17',
  '-O1',
  '-DASIO_STANDALONE',
  ...['STL', 'FUNCTIONAL', 'TYPE_TRAITS', 'CHRONO'].map((part) => `-D_WEBSOCKETPP_CPP11_${part}_`),
  '-DSIO_DISABLE_LOGGING',
];
const CPP_PARTS = ['sio_client', 'sio_socket', 'internal/sio_client_impl', 'internal/sio_packet'];
/** Of Debian's packages: the clone has them as submodules. */
const CPP_HEADERS = ['asio.hpp', 'websocketpp/client.hpp', 'rapidjson/document.h'];

const objectOf = (part: string): string => `${part.split('/').at(-1)}.o`;

export const cppProgram = (name: string): string[] => [join(CPP_FOLDER, name)];

export const cpp: Toolchain = {
  name: 'C++',
  place: CPP_SOURCE,
  howToGetIt:
    'no package registry has socket.io-client-cpp: set SOCKET_IO_CLIENT_CPP to a clone of socketio/socket.io-client-cpp ' +
    '(and apt-get install g++ libasio-dev libwebsocketpp-dev rapidjson-dev)',
  isThere: () => CPP_SOURCE !== '' && existsSync(join(CPP_SOURCE, 'src/sio_client.cpp')) && hasCppHeaders(),
  build: async () => {
    const flags = [...CPP_FLAGS, `-I${join(CPP_SOURCE, 'src')}`];
    const compile = (...args: readonly string[]): Promise<void> =>
      run('g++', [...flags, ...args], CPP_FOLDER);
    mkdirSync(CPP_FOLDER, { recursive: true });
    const isBuilt = CPP_PARTS.every((part) => existsSync(join(CPP_FOLDER, objectOf(part))));
    if (!isBuilt) await compile('-c', ...CPP_PARTS.map((part) => join(CPP_SOURCE, 'src', `${part}.cpp`)));
    for (const program of ['client', 'snippet']) {
      const source = `cpp/${program}.cpp`;
      await once(`cpp-${program}`, [source], () =>
        compile(join(FOLDER, source), ...CPP_PARTS.map(objectOf), '-o', program, '-lpthread'),
      );
    }
  },
};

function hasCppHeaders(): boolean {
  const input = CPP_HEADERS.map(
    (header) => `#if !__has_include(<${header}>)\n#error ${header}\n#endif\n`,
  ).join('');
  return (
    spawnSync('g++', ['-E', '-x', 'c++', '-'], { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0
  );
}
