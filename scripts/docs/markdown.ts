// Pieces of Markdown.

export const GENERATED = '<!-- Printed from the program by `npm run docs`. -->\n';

/** Cells may hold anything: what would end a cell is escaped. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '\\<').replaceAll('\n', ' ')).join(' | ')} |\n`;
  return line(heads) + line(heads.map(() => '---')) + rows.map(line).join('');
}

export function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}
