/** What `scripts/check-format.js` asks of oxfmt: what Prettier is asked. */
import { readFileSync } from 'node:fs';

const asked = JSON.parse(readFileSync(new URL('../.prettierrc.json', import.meta.url), 'utf8'));

export default { ...asked, sortPackageJson: false };
