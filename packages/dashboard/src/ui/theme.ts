import { effect, signal } from '@preact/signals';

/** What the user has chosen; `auto`: as the system. */
export type ThemeChoice = 'auto' | 'light' | 'dark';

const storageKey = 'mb-theme';
const prefersDark = matchMedia('(prefers-color-scheme: dark)');
const systemTheme = signal(prefersDark.matches ? 'dark' : 'light');
prefersDark.addEventListener('change', ({ matches }) => {
  systemTheme.value = matches ? 'dark' : 'light';
});

export const themeChoice = signal<ThemeChoice>(stored());
/** The theme that is shown. */
export const theme = signal<'light' | 'dark'>('light');

effect(() => {
  const choice = themeChoice.value;
  const shown = choice === 'auto' ? systemTheme.value : choice;
  document.documentElement.dataset.theme = shown;
  theme.value = shown as 'light' | 'dark';
});

export function nextTheme(): void {
  themeChoice.value = theme.value === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem(storageKey, themeChoice.value);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(storageKey);
    return value === 'light' || value === 'dark' ? value : 'auto';
  } catch {
    return 'auto';
  }
}
