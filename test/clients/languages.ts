/** The clients under test: the libraries that people use, how they are built, and how they are got where they are missing. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const FOLDER = fileURLToPath(new URL('.', import.meta.url));

/** Outside of what git keeps; an empty one is filled by the first run. */
const CACHE = join(FOLDER, '.cache');

/** One library, in one of its versions. */
export interface Client {
  readonly name: string;
  /** In the titles of tests, and at the head of its column in docs/clients.md. */
  readonly column: string;
  /** As Markdown names it. */
  readonly language: string;
  /** The shell line that a user gets it with. */
  readonly install: string;
  readonly program: readonly string[];
  /** Takes the URL, a token and a room; `source` is its file. */
  readonly snippet: { readonly program: readonly string[]; readonly source: string };
  readonly toolchain: Toolchain;
  /** Read from where the language locks it. */
  version(): string;
}

interface Toolchain {
  readonly name: string;
  readonly howToGetIt: string;
  /** The project says which version it is, not the machine. */
  readonly isLocked?: true;
  isThere(): boolean;
  build(): void;
}

const works = (program: string, ...args: string[]): boolean =>
  spawnSync(program, args, { stdio: 'ignore' }).status === 0;

function run(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  if (status !== 0) throw error ?? new Error(`${program} ${args.join(' ')}: ${status}\n${stdout}${stderr}`);
}

/** Runs it unless it has run with these very files. */
function once(name: string, files: readonly string[], make: () => void): void {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(FOLDER, file)));
  const stamp = join(CACHE, `${name}.sha256`);
  const now = hash.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return;
  mkdirSync(CACHE, { recursive: true });
  make();
  writeFileSync(stamp, now);
}

/** The version in a lock file. */
const locked = (file: string, pattern: RegExp): string =>
  pattern.exec(readFileSync(join(FOLDER, file), 'utf8'))![1]!;

const VENV = join(CACHE, 'python');

const pypi: Toolchain = {
  name: 'Python',
  isLocked: true,
  howToGetIt: 'python3 with venv (apt-get install python3 python3-venv)',
  isThere: () => works('python3', '-c', 'import venv, ensurepip'),
  build: () =>
    once('python', ['python/requirements.txt'], () => {
      run('python3', ['-m', 'venv', '--clear', VENV], FOLDER);
      run(join(VENV, 'bin/pip'), ['install', '-q', '-r', 'python/requirements.txt'], FOLDER);
    }),
};

const DEBIANS = '/usr/bin/python3';

const debian: Toolchain = {
  name: "Debian's Python packages",
  howToGetIt: 'apt-get install python3-socketio python3-requests python3-websocket python3-aiohttp',
  isThere: () => works(DEBIANS, '-c', 'import socketio, requests, websocket, aiohttp'),
  build: () => undefined,
};

const JARS = join(CACHE, 'java/lib');
const CLASSES = join(CACHE, 'java/classes');
const COPY_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies';

const java: Toolchain = {
  name: 'Java',
  isLocked: true,
  howToGetIt: 'a JDK of 17 or newer and Maven (apt-get install default-jdk-headless maven)',
  isThere: () => works('javac', '-version') && works('mvn', '-version'),
  build: () =>
    once('java', ['java/pom.xml', 'java/Client.java', 'java/Snippet.java'], () => {
      run('mvn', ['-q', '-B', COPY_DEPENDENCIES, `-DoutputDirectory=${JARS}`], join(FOLDER, 'java'));
      run(
        'javac',
        ['-cp', join(JARS, '*'), '-d', CLASSES, 'Client.java', 'Snippet.java'],
        join(FOLDER, 'java'),
      );
    }),
};

const go: Toolchain = {
  name: 'Go',
  isLocked: true,
  howToGetIt: 'Go 1.26 or newer (https://go.dev/dl)',
  isThere: () => works('go', 'version'),
  build: () => {
    mkdirSync(join(CACHE, 'go'), { recursive: true });
    run('go', ['build', '-mod=readonly', '-o', join(CACHE, 'go/'), './...'], join(FOLDER, 'go'));
  },
};

const TARGET = join(CACHE, 'rust');

const rust: Toolchain = {
  name: 'Rust',
  isLocked: true,
  howToGetIt: 'Rust (https://rustup.rs), and OpenSSL to build with (apt-get install libssl-dev pkg-config)',
  isThere: () => works('cargo', '--version'),
  build: () => run('cargo', ['build', '-q', '--locked'], join(FOLDER, 'rust'), { CARGO_TARGET_DIR: TARGET }),
};

/** A checkout of socket.io-client-cpp: no package registry has it. */
const CPP_SOURCE = process.env['SOCKET_IO_CLIENT_CPP'] ?? '';

/** As its CMakeLists.txt sets them. */
const CPP_FLAGS = [
  '-std=c++17',
  '-O1',
  '-DASIO_STANDALONE',
  ...['STL', 'FUNCTIONAL', 'TYPE_TRAITS', 'CHRONO'].map((part) => `-D_WEBSOCKETPP_CPP11_${part}_`),
  '-DSIO_DISABLE_LOGGING',
];
const CPP_PARTS = ['sio_client', 'sio_socket', 'internal/sio_client_impl', 'internal/sio_packet'];
const objectOf = (part: string): string => `${part.split('/').at(-1)}.o`;

const cpp: Toolchain = {
  name: 'C++',
  howToGetIt:
    'no package registry has socket.io-client-cpp: set SOCKET_IO_CLIENT_CPP to a clone of socketio/socket.io-client-cpp ' +
    '(and apt-get install g++ libasio-dev libwebsocketpp-dev rapidjson-dev)',
  isThere: () => CPP_SOURCE !== '' && works('g++', '--version'),
  build: () => {
    const folder = join(CACHE, 'cpp');
    const flags = [...CPP_FLAGS, `-I${join(CPP_SOURCE, 'src')}`];
    const compile = (...args: readonly string[]): void => run('g++', [...flags, ...args], folder);
    mkdirSync(folder, { recursive: true });
    const isBuilt = CPP_PARTS.every((part) => existsSync(join(folder, objectOf(part))));
    if (!isBuilt) compile('-c', ...CPP_PARTS.map((part) => join(CPP_SOURCE, 'src', `${part}.cpp`)));
    for (const program of ['client', 'snippet']) {
      const source = `cpp/${program}.cpp`;
      once(`cpp-${program}`, [source], () =>
        compile(join(FOLDER, source), ...CPP_PARTS.map(objectOf), '-o', program, '-lpthread'),
      );
    }
  },
};

/** The same programs, run by an interpreter that has one version or another of the library. */
const python = (interpreter: string, isAsync: boolean): Pick<Client, 'program' | 'snippet'> => {
  const suffix = isAsync ? '_asyncio' : '';
  const source = `python/snippet${suffix}.py`;
  return {
    program: [interpreter, join(FOLDER, `python/client${suffix}.py`)],
    snippet: { program: [interpreter, '-u', join(FOLDER, source)], source },
  };
};

const newestPython = (): string => locked('python/requirements.txt', /^python-socketio==(.+)$/m);

const debiansPython = (): string =>
  spawnSync(DEBIANS, ['-c', 'from importlib.metadata import version; print(version("python-socketio"))'], {
    encoding: 'utf8',
  }).stdout.trim();

const javaProgram = (name: string): string[] => ['java', '-cp', `${CLASSES}:${join(JARS, '*')}`, name];

export const CLIENTS: readonly Client[] = [
  {
    name: 'python',
    column: 'Python',
    language: 'python',
    install: 'pip install "python-socketio[client]"',
    ...python(join(VENV, 'bin/python'), false),
    toolchain: pypi,
    version: newestPython,
  },
  {
    name: 'python-asyncio',
    column: 'Python asyncio',
    language: 'python',
    install: 'pip install "python-socketio[asyncio_client]"',
    ...python(join(VENV, 'bin/python'), true),
    toolchain: pypi,
    version: newestPython,
  },
  {
    name: 'debian-python',
    column: "Debian's Python",
    language: 'python',
    install: 'apt-get install python3-socketio python3-requests python3-websocket',
    ...python(DEBIANS, false),
    toolchain: debian,
    version: debiansPython,
  },
  {
    name: 'debian-python-asyncio',
    column: "Debian's Python asyncio",
    language: 'python',
    install: 'apt-get install python3-socketio python3-aiohttp',
    ...python(DEBIANS, true),
    toolchain: debian,
    version: debiansPython,
  },
  {
    name: 'java',
    column: 'Java',
    language: 'java',
    install: 'io.socket:socket.io-client:2.1.2',
    program: javaProgram('Client'),
    snippet: { program: javaProgram('Snippet'), source: 'java/Snippet.java' },
    toolchain: java,
    version: () =>
      locked('java/pom.xml', /<artifactId>socket\.io-client<\/artifactId>\s*<version>(.+)<\/version>/),
  },
  {
    name: 'go',
    column: 'Go',
    language: 'go',
    install: 'go get github.com/zishang520/socket.io/clients/socket/v3',
    program: [join(CACHE, 'go/clients')],
    snippet: { program: [join(CACHE, 'go/snippet')], source: 'go/snippet/main.go' },
    toolchain: go,
    version: () => locked('go/go.mod', /clients\/socket\/v3 v(\S+)/),
  },
  {
    name: 'rust',
    column: 'Rust',
    language: 'rust',
    install: 'cargo add rust_socketio serde_json',
    program: [join(TARGET, 'debug/clients')],
    snippet: { program: [join(TARGET, 'debug/snippet')], source: 'rust/src/bin/snippet.rs' },
    toolchain: rust,
    version: () => locked('rust/Cargo.lock', /name = "rust_socketio"\nversion = "(.+)"/),
  },
  {
    name: 'cpp',
    column: 'C++',
    language: 'cpp',
    install: 'git clone --recurse-submodules of socketio/socket.io-client-cpp',
    program: [join(CACHE, 'cpp/client')],
    snippet: { program: [join(CACHE, 'cpp/snippet')], source: 'cpp/snippet.cpp' },
    toolchain: cpp,
    version: () => {
      const described = spawnSync('git', ['-C', CPP_SOURCE, 'describe', '--tags'], { encoding: 'utf8' });
      return described.stdout.trim();
    },
  },
];

/** Those that can run here, or of those the ones that `CLIENTS=java,go` names. What is missing is told in one line each. */
export function clientsHere(): readonly Client[] {
  const missing = new Set(CLIENTS.map(({ toolchain }) => toolchain).filter(({ isThere }) => !isThere()));
  for (const { name, howToGetIt } of missing) {
    process.stderr.write(`skipping ${name} clients: ${howToGetIt}\n`);
  }
  const asked = process.env['CLIENTS']?.split(',');
  return CLIENTS.filter(({ name, toolchain }) => !missing.has(toolchain) && (asked?.includes(name) ?? true));
}
