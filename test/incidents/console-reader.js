/** Reads the console as a person does: types into the search, and reads what comes. */
import { chromium } from 'playwright-core';

const CHROMIUM_PATH = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

export class ConsoleReader {
  static async open(url, key) {
    const reader = new ConsoleReader();
    reader.browser = await chromium.launch({
      executablePath: CHROMIUM_PATH,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
    });
    reader.page = await reader.browser.newPage({ viewport: { width: 1280, height: 900 } });
    await reader.page.goto(`${url}/console`);
    await reader.page.fill('#key', key);
    await reader.page.press('#key', 'Enter');
    await reader.page.locator('[data-tile="nodes"]').waitFor();
    return reader;
  }

  /** What the page says of a name, every connection unfolded. */
  async lookUp(name) {
    await this.page.fill('#search', name);
    await this.page.press('#search', 'Enter');
    await this.page
      .locator('.subject h2', { hasText: name })
      .or(this.page.locator('#found-nothing h2', { hasText: name }))
      .waitFor();
    return this.text();
  }

  /** What became of a publication for a user. */
  async ask(publication, user) {
    await this.lookUp(publication);
    await this.page.fill('#asked-user', user);
    await this.page.press('#asked-user', 'Enter');
    await this.page.locator('[data-verdict]').waitFor();
    return this.text();
  }

  /** All that was asked about an incident. */
  async read({ user, publication, address }) {
    const texts = [await this.lookUp(user)];
    if (publication !== undefined) texts.push(await this.ask(publication, user));
    if (address !== undefined) texts.push(await this.lookUp(address));
    return texts.join('\n');
  }

  text() {
    return this.page.evaluate(() => {
      for (const each of document.querySelectorAll('details')) each.open = true;
      return document.querySelector('.view').innerText;
    });
  }

  close() {
    return this.browser.close();
  }
}
