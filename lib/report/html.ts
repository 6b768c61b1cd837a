import { createHash } from 'node:crypto';
import type { ReportData } from './page_data.ts';

/** What a page is made of beside its data. */
export interface PageParts {
  readonly script: string;
  readonly style: string;
}

/**
 * The page: one file that asks for nothing else, and may not. Its data stand in a block of JSON that ends at the first `<`
 * which is not escaped, and the content security policy runs the one script whose digest it names.
 */
export function pageOf(data: ReportData, { script, style }: PageParts): string {
  const policy = [
    "default-src 'none'",
    `script-src '${digestOf(script)}'`,
    `style-src '${digestOf(style)}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${escapeHtml(data.original.name)}: hierarchy of its neurons</title>
<style>${style}</style>
</head>
<body>
<noscript>This report is drawn by the script in this file: allow it to see anything.</noscript>
<div id="report"></div>
<script type="application/json" id="data">${escapeJson(JSON.stringify(data))}</script>
<script>${script}</script>
</body>
</html>
`;
}

const digestOf = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`;

/** JSON in which nothing can end the element around it; the line separators are none of JavaScript's business. */
function escapeJson(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
