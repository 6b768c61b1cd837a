import { scaleLinear } from 'd3-scale';

/** Colours of the page as its style says them, read anew when the theme changes. */
export interface Theme {
  readonly background: string;
  readonly surface: string;
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly accent: string;
  readonly trunk: string;
  /** Groups, side by side never the same. */
  readonly groups: readonly string[];
  /** From little to much. */
  readonly ramp: (share: number) => string;
  /** From negative over none to positive. */
  readonly signs: (value: number) => string;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const list = (name: string) => colour(name).split(' ');
  return {
    background: colour('background'),
    surface: colour('surface'),
    text: colour('text'),
    muted: colour('muted'),
    line: colour('line'),
    accent: colour('accent'),
    trunk: colour('trunk'),
    groups: list('groups'),
    ramp: scaleLinear<string>()
      .domain([0, 0.5, 1])
      .range(['ramp-low', 'ramp-middle', 'ramp-high'].map(colour))
      .clamp(true),
    signs: scaleLinear<string>().domain([-1, 0, 1]).range(list('signs')).clamp(true),
  };
}

export type ThemeName = 'light' | 'dark';

/** The page in the system's theme until its reader chooses one; `changed` is called with every change. */
export class ThemeSwitch {
  readonly #system = matchMedia('(prefers-color-scheme: dark)');
  readonly #changed: () => void;
  #chosen: ThemeName | undefined;

  constructor(changed: () => void) {
    this.#changed = changed;
    this.#system.addEventListener('change', () => this.#apply());
    document.documentElement.setAttribute('data-theme', this.theme);
  }

  get theme(): ThemeName {
    return this.#chosen ?? (this.#system.matches ? 'dark' : 'light');
  }

  toggle(): void {
    this.#chosen = this.theme === 'dark' ? 'light' : 'dark';
    this.#apply();
  }

  #apply(): void {
    document.documentElement.setAttribute('data-theme', this.theme);
    this.#changed();
  }
}
