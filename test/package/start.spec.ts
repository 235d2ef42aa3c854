/** What a process that starts loads and keeps. These run what `npm run build` has made. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What a program prints, run by Node.js in a process of its own. */
const printedBy = (program: string): string =>
  execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });

describe('the start', () => {
  it("[O5] does not load Node's fetch, which nothing of the gateway uses", () => {
    const loaded = printedBy(`
      await import('./dist/service.js');
      console.log(process.moduleLoadList.filter((name) => name.includes('undici')).join());
    `);
    expect(loaded.trim()).toBe('');
  });

  it('[O5] keeps what calls remote handlers and webhooks out of a process that has none', () => {
    const loaded = printedBy(`
      import { Session } from 'node:inspector';
      const session = new Session();
      session.connect();
      const urls = [];
      session.on('Debugger.scriptParsed', ({ params }) => urls.push(params.url));
      session.post('Debugger.enable');
      const { createService } = await import('./dist/service.js');
      const { createLogger } = await import('./dist/telemetry/log.js');
      const app = await createService({}, createLogger('error', 'pretty'));
      await app.listen(0, '127.0.0.1');
      await app.close();
      console.log(urls.join(' '));
    `);
    expect(loaded).toContain('/dist/webhooks/webhooks.service.js');
    expect(loaded).not.toMatch(/dist\/(?:webhooks\/webhook-sender|handlers\/(?:http|service)-transport)\.js/);
  });

  it('[O5] of the built service loads its code and its packages from few files, and nothing of Nest that it does without', () => {
    const output = printedBy(`
      import { Session } from 'node:inspector';
      const session = new Session();
      session.connect();
      const urls = [];
      session.on('Debugger.scriptParsed', ({ params }) => urls.push(params.url));
      session.post('Debugger.enable');
      Object.assign(process.env, { PORT: '0', HOST: '127.0.0.1' });
      await import('./dist/main.js');
      console.log(JSON.stringify(urls));
      process.exit();
    `);
    const loaded = JSON.parse(output.split('\n').find((line) => line.startsWith('['))!) as string[];
    expect(output).toContain('listening on http://127.0.0.1:');
    expect(loaded).toContainEqual(expect.stringContaining('/dist/main-service.js'));
    const files = loaded.filter((url) => url.includes(process.cwd()) && url.endsWith('.js'));
    expect(files.length).toBeLessThan(80);
    expect(files.filter((url) => url.includes('microservices-module'))).toEqual([]);
    // Of the languages of zod, which the service does without, this is a word of the first.
    const texts = files.map((url) => readFileSync(url.replace('file://', ''), 'utf8'));
    expect(texts.join('')).toContain('invalid_type');
    expect(texts.join('')).not.toMatch(/حرف|\\u062d\\u0631\\u0641/);
  });

  it('[O5] of the built service makes no formatter of dates, for which each process would have the tables of ICU', () => {
    const output = printedBy(`
      const { DateTimeFormat } = Intl;
      let made = 0;
      Intl.DateTimeFormat = class extends DateTimeFormat {
        constructor(...options) {
          super(...options);
          made++;
        }
      };
      Object.assign(process.env, { PORT: '0', HOST: '127.0.0.1' });
      await import('./dist/main.js');
      const { Logger } = await import('./dist/main-common.js').then((common) =>
        Object.values(common).reduce((found, value) => (value?.name === 'Logger' ? { Logger: value } : found)),
      );
      console.log(JSON.stringify([made, Logger.getTimestamp().length > 10, made]));
      process.exit();
    `);
    expect(output.split('\n')).toContain('[0,true,1]');
  });

  it('[O5] keeps the text of the built service in one byte for each character', () => {
    const files = readdirSync('dist').filter((name) => /^main.*\.js$/.test(name));
    // Beyond Latin 1, one character would do for all of its file.
    expect(files.filter((name) => /[\u0100-\uffff]/.test(readFileSync(`dist/${name}`, 'utf8')))).toEqual([]);
  });

  it('lets the young generation of V8 grow only when it is said to', () => {
    const megabytes = printedBy(`
      import { getHeapSpaceStatistics } from 'node:v8';
      const { keepYoungGenerationSmall, letYoungGenerationGrow } = await import('./dist/platform/young-generation.js');
      const sizeMb = () =>
        getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size / 1_000_000;
      const allocate = () => Array.from({ length: 2_000_000 }, (_, index) => ({ index }));
      keepYoungGenerationSmall();
      const before = sizeMb();
      allocate();
      const kept = sizeMb() - before;
      letYoungGenerationGrow();
      allocate();
      console.log(JSON.stringify([kept, sizeMb() - before]));
    `);
    const [kept, grown] = JSON.parse(megabytes) as [number, number];
    expect(kept).toBeLessThan(4);
    expect(grown).toBeGreaterThan(8);
  });
});
