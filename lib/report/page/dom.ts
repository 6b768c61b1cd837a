type Child = Node | string | undefined;
type Attributes = Readonly<Record<string, string | number | boolean | ((event: Event) => void) | undefined>>;

/**
 * An element. Text becomes text nodes and attributes are set as such, so nothing from a file is ever parsed as HTML;
 * functions are listeners.
 */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

export interface TableColumn {
  readonly title: string;
  /** Said on pointing at the title. */
  readonly hint?: string;
  readonly numeric?: boolean;
}

export function table(
  caption: string,
  columns: readonly TableColumn[],
  rows: readonly (readonly (Node | string)[])[],
): HTMLElement {
  const head = columns.map(({ title, hint, numeric }) =>
    el('th', { scope: 'col', title: hint, class: numeric ? 'num' : undefined }, title),
  );
  const body = rows.map((row) =>
    el('tr', {}, ...row.map((cell, at) => el('td', { class: columns[at]!.numeric ? 'num' : undefined }, cell))),
  );
  return el(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    el('table', {}, el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...body)),
  );
}

/** A term and its value. */
export function terms(pairs: readonly (readonly [string, Node | string, string?])[]): HTMLElement {
  return el(
    'dl',
    {},
    ...pairs.flatMap(([name, value, hint]) => [el('dt', { title: hint }, name), el('dd', {}, value)]),
  );
}

export function selectOf<T extends string>(
  label: string,
  options: Readonly<Record<T, string>>,
  chosen: T,
  change: (value: T) => void,
): HTMLElement {
  const entries = Object.entries(options) as [T, string][];
  const select = el(
    'select',
    { change: (event) => change((event.currentTarget as HTMLSelectElement).value as T) },
    ...entries.map(([value, text]) => el('option', { value, selected: value === chosen }, text)),
  );
  return el('label', {}, `${label} `, select);
}
