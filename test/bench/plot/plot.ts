// A plot of lines as SVG: each line says its name at its end, and the colours fit light and dark pages.

import { linearScale, logScale, type Scale } from './scale.ts';

export interface Line {
  readonly name: string;
  /** Which colour and dashes; absent: by its place. */
  readonly style?: number;
  /** [x, y], by x. */
  readonly points: readonly (readonly [number, number])[];
}

export interface Plot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
}

export interface Axis {
  readonly label: string;
  readonly scale: 'log' | 'linear';
  /** Marks; absent: round numbers. */
  readonly ticks?: readonly number[];
  readonly text?: (value: number) => string;
}

const WIDTH = 720;
const HEIGHT = 400;
const AREA = { left: 64, right: 552, top: 52, bottom: 344 };
/** Names do not stand closer than that. */
const NAME_GAP = 16;
/** Light and dark; lines differ by dashes too, for who sees no colours. */
const COLOURS = [
  ['#0b6e99', '#5cc8ef'],
  ['#b3530a', '#f0a35c'],
  ['#2f7d32', '#8bd18e'],
  ['#8a3fa8', '#d9a0ef'],
  ['#a8323e', '#f1919a'],
  ['#5c5f66', '#b5b9c2'],
] as const;
const DASHES = ['', '7 4', '2 4', '10 4 2 4', '4 2', '1 3'];
const MOST_POINTS_WITH_DOTS = 12;

export function drawPlot(plot: Plot): string {
  const x = scaleOf(
    plot.x,
    plot.lines.flatMap(({ points }) => points.map(([value]) => value)),
    false,
  );
  const y = scaleOf(
    plot.y,
    plot.lines.flatMap(({ points }) => points.map(([, value]) => value)),
    true,
  );
  const placeX = (value: number) => AREA.left + x.at(value) * (AREA.right - AREA.left);
  const placeY = (value: number) => AREA.bottom - y.at(value) * (AREA.bottom - AREA.top);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escaped(plot.title)}">`,
    style(),
    `<rect class="card" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    `<text class="title" x="${AREA.left}" y="26">${escaped(plot.title)}</text>`,
    ...x.ticks.map((value) => verticalMark(round(placeX(value)), textOf(plot.x, value))),
    ...y.ticks.map((value) => horizontalMark(round(placeY(value)), textOf(plot.y, value))),
    `<text class="axis" x="${(AREA.left + AREA.right) / 2}" y="${HEIGHT - 14}" text-anchor="middle">${escaped(plot.x.label)}</text>`,
    `<text class="axis" x="${AREA.left}" y="43">${escaped(plot.y.label)}</text>`,
    ...plot.lines.map((line, i) => drawLine(line, i, placeX, placeY)),
    ...drawNames(plot.lines, placeY),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

function scaleOf(axis: Axis, values: readonly number[], fromZero: boolean): Scale {
  const all = [...values, ...(axis.ticks ?? [])];
  const scale = axis.scale === 'log' ? logScale(roomy(all, fromZero)) : linearScale(all, fromZero);
  return axis.ticks === undefined ? scale : { ...scale, ticks: axis.ticks };
}

/** A little air below and above the lines of a logarithmic axis. */
function roomy(values: readonly number[], wanted: boolean): readonly number[] {
  return wanted ? [Math.min(...values) * 0.8, Math.max(...values) * 1.25] : values;
}

function textOf({ text }: Axis, value: number): string {
  return text === undefined ? value.toLocaleString('en') : text(value);
}

function style(): string {
  const line = (shade: 0 | 1) =>
    COLOURS.map((pair, i) => `.l${i}{stroke:${pair[shade]}}.f${i}{fill:${pair[shade]}}`).join('');
  return `<style>text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#3b3f45}.title{font-size:15px;font-weight:600}.axis{fill:#656b74}.name{font-weight:600}.card{fill:#fff}.grid{stroke:#e3e6ea}.line{fill:none;stroke-width:2}${line(0)}@media (prefers-color-scheme:dark){text{fill:#d5d9df}.axis{fill:#9aa2ad}.card{fill:#14171c}.grid{stroke:#2c323a}${line(1)}}</style>`;
}

function verticalMark(at: number, text: string): string {
  return `<path class="grid" d="M${at} ${AREA.top}V${AREA.bottom}"/><text x="${at}" y="${AREA.bottom + 18}" text-anchor="middle">${escaped(text)}</text>`;
}

function horizontalMark(at: number, text: string): string {
  return `<path class="grid" d="M${AREA.left} ${at}H${AREA.right}"/><text x="${AREA.left - 8}" y="${at + 4}" text-anchor="end">${escaped(text)}</text>`;
}

type Place = (value: number) => number;

function drawLine({ points, style }: Line, place: number, placeX: Place, placeY: Place): string {
  const index = style ?? place;
  const places = points.map(([x, y]) => [round(placeX(x)), round(placeY(y))] as const);
  const path = `M${places.map(([x, y]) => `${x} ${y}`).join('L')}`;
  const dash = DASHES[index % DASHES.length];
  const dots =
    places.length > MOST_POINTS_WITH_DOTS
      ? ''
      : places.map(([x, y]) => `<circle class="f${index % COLOURS.length}" cx="${x}" cy="${y}" r="3.5"/>`).join('');
  return `<path class="line l${index % COLOURS.length}"${dash === '' ? '' : ` stroke-dasharray="${dash}"`} d="${path}"/>${dots}`;
}

/** Each at the end of its line, moved where two would stand on each other. */
function drawNames(lines: readonly Line[], placeY: Place): string[] {
  const places = lines
    .map(({ name, style, points }, i) => ({ name, index: style ?? i, y: placeY(points.at(-1)?.[1] ?? 0) }))
    .sort((a, b) => a.y - b.y);
  for (const [i, place] of places.entries()) {
    const above = places[i - 1];
    if (above !== undefined) place.y = Math.max(place.y, above.y + NAME_GAP);
  }
  for (let i = places.length - 1, most = AREA.bottom; i >= 0; i--, most -= NAME_GAP) {
    const place = places[i];
    if (place !== undefined) place.y = Math.min(place.y, most);
  }
  return places.map(
    ({ name, index, y }) =>
      `<text class="name f${index % COLOURS.length}" x="${AREA.right + 10}" y="${round(y) + 4}">${escaped(name)}</text>`,
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
