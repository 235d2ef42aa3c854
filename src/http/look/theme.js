/**
 * Light, dark or as the system says. A classic script in the head, so that the choice holds before the first
 * paint; everything else on the page is a module.
 */
(() => {
  const KEY = 'switchboard.theme';
  const NEXT = { system: 'light', light: 'dark', dark: 'system' };

  const read = () => {
    try {
      const stored = localStorage.getItem(KEY);
      return stored in NEXT ? stored : 'system';
    } catch {
      return 'system'; // Storage may be switched off; the choice then lasts as long as the page.
    }
  };

  const apply = (theme) => {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById('theme');
    if (button) button.textContent = `Theme: ${theme}`;
  };

  apply(read());

  document.addEventListener('DOMContentLoaded', () => {
    apply(document.documentElement.dataset.theme);
    document.getElementById('theme').addEventListener('click', () => {
      const theme = NEXT[document.documentElement.dataset.theme];
      apply(theme);
      try {
        localStorage.setItem(KEY, theme);
      } catch {
        // See above.
      }
    });
  });
})();
