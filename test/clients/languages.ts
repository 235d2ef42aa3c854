/** The clients under test: the libraries that people use, in the versions that each language locks. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as toolchains from './toolchains.js';

/** One library, in one of its versions. */
export interface Client {
  readonly name: string;
  /** In the titles of tests, and at the head of its column in docs/clients.md. */
  readonly column: string;
  /** As Markdown names it. */
  readonly language: string;
  /** What a user does in an empty folder, with the snippet saved there, to have it run. */
  readonly steps: { readonly saveAs: string; readonly install: string; readonly run: string };
  readonly program: readonly string[];
  /** Takes the URL, a token and a room; `source` is its file. */
  readonly snippet: { readonly program: readonly string[]; readonly source: string };
  readonly toolchain: toolchains.Toolchain;
  /** Read from where the language locks it. */
  version(): string;
}

/** The version in a lock file. */
const locked = (file: string, pattern: RegExp): string =>
  pattern.exec(readFileSync(join(toolchains.FOLDER, file), 'utf8'))![1]!;

/** The same programs, run by an interpreter that has one version or another of the library. */
const python = (interpreter: string, isAsync: boolean): Pick<Client, 'program' | 'snippet'> => {
  const suffix = isAsync ? '_asyncio' : '';
  const source = `python/snippet${suffix}.py`;
  return {
    program: [interpreter, join(toolchains.FOLDER, `python/client${suffix}.py`)],
    snippet: { program: [interpreter, '-u', join(toolchains.FOLDER, source)], source },
  };
};

const newestPython = (): string => locked('python/requirements.txt', /^python-socketio==(.+)$/m);

const debiansPython = (): string =>
  spawnSync(
    toolchains.DEBIANS_PYTHON,
    ['-c', 'from importlib.metadata import version; print(version("python-socketio"))'],
    {
      encoding: 'utf8',
    },
  ).stdout.trim();

const JAVA_INSTALL = `cat > pom.xml <<'END'
${readFileSync(join(toolchains.FOLDER, 'java/pom.xml'), 'utf8')}END
mvn -q dependency:copy-dependencies`;

const CPP_INSTALL = `apt-get install g++ libasio-dev libwebsocketpp-dev rapidjson-dev
git clone https://github.com/socketio/socket.io-client-cpp
g++ ${toolchains.CPP_FLAGS.join(' ')} -I socket.io-client-cpp/src \\
  client.cpp socket.io-client-cpp/src/*.cpp socket.io-client-cpp/src/internal/*.cpp -o client -lpthread`;

export const CLIENTS: readonly Client[] = [
  {
    name: 'python',
    column: 'Python',
    language: 'python',
    steps: {
      saveAs: 'client.py',
      install: 'python3 -m venv venv && venv/bin/pip install python-socketio requests websocket-client',
      run: 'venv/bin/python client.py',
    },
    ...python(toolchains.PYTHON, false),
    toolchain: toolchains.pypi,
    version: newestPython,
  },
  {
    name: 'python-asyncio',
    column: 'Python asyncio',
    language: 'python',
    steps: {
      saveAs: 'client_asyncio.py',
      install: 'python3 -m venv venv && venv/bin/pip install python-socketio aiohttp',
      run: 'venv/bin/python client_asyncio.py',
    },
    ...python(toolchains.PYTHON, true),
    toolchain: toolchains.pypi,
    version: newestPython,
  },
  {
    name: 'debian-python',
    column: "Debian's Python",
    language: 'python',
    steps: {
      saveAs: 'client.py',
      install: 'apt-get install python3-socketio python3-requests python3-websocket',
      run: '/usr/bin/python3 client.py',
    },
    ...python(toolchains.DEBIANS_PYTHON, false),
    toolchain: toolchains.debian,
    version: debiansPython,
  },
  {
    name: 'debian-python-asyncio',
    column: "Debian's Python asyncio",
    language: 'python',
    steps: {
      saveAs: 'client_asyncio.py',
      install: 'apt-get install python3-socketio python3-aiohttp',
      run: '/usr/bin/python3 client_asyncio.py',
    },
    ...python(toolchains.DEBIANS_PYTHON, true),
    toolchain: toolchains.debian,
    version: debiansPython,
  },
  {
    name: 'java',
    column: 'Java',
    language: 'java',
    steps: {
      saveAs: 'Snippet.java',
      install: JAVA_INSTALL,
      run: "java -cp 'target/dependency/*' Snippet.java",
    },
    program: toolchains.javaProgram('Client'),
    snippet: { program: toolchains.javaProgram('Snippet'), source: 'java/Snippet.java' },
    toolchain: toolchains.java,
    version: () =>
      locked('java/pom.xml', /<artifactId>socket\.io-client<\/artifactId>\s*<version>(.+)<\/version>/),
  },
  {
    name: 'go',
    column: 'Go',
    language: 'go',
    steps: {
      saveAs: 'main.go',
      install: 'go mod init client && go get github.com/zishang520/socket.io/clients/socket/v3',
      run: 'go run .',
    },
    program: toolchains.goProgram('clients'),
    snippet: { program: toolchains.goProgram('snippet'), source: 'go/snippet/main.go' },
    toolchain: toolchains.go,
    version: () => locked('go/go.mod', /clients\/socket\/v3 v(\S+)/),
  },
  {
    name: 'rust',
    column: 'Rust',
    language: 'rust',
    steps: {
      saveAs: 'src/main.rs',
      install: 'cargo init --name client && cargo add rust_socketio serde_json',
      run: 'cargo run --',
    },
    program: toolchains.rustProgram('clients'),
    snippet: { program: toolchains.rustProgram('snippet'), source: 'rust/src/bin/snippet.rs' },
    toolchain: toolchains.rust,
    version: () => locked('rust/Cargo.lock', /name = "rust_socketio"\nversion = "(.+)"/),
  },
  {
    name: 'cpp',
    column: 'C++',
    language: 'cpp',
    steps: {
      saveAs: 'client.cpp',
      install: CPP_INSTALL,
      run: './client',
    },
    program: toolchains.cppProgram('client'),
    snippet: { program: toolchains.cppProgram('snippet'), source: 'cpp/snippet.cpp' },
    toolchain: toolchains.cpp,
    version: () => {
      const described = spawnSync('git', ['-C', toolchains.CPP_SOURCE, 'describe', '--tags'], {
        encoding: 'utf8',
      });
      return described.stdout.trim();
    },
  },
];
