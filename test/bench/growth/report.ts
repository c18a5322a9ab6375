// A series as a table and a plot.

import { drawPlot } from '../plot/plot.ts';
import { SERIES, type SeriesName } from './series.ts';

export interface Cell {
  readonly series: SeriesName;
  readonly size: number;
  readonly peer: string;
  /** Medians of the rounds. */
  readonly cpuMicros: number;
  readonly p99Ms: number;
  readonly mb: number;
  readonly errors: number;
}

/** A peer looks the same in every plot. */
const STYLES: Readonly<Record<string, number>> = { fairlead: 0, nginx: 1, envoy: 2 };
const UNITS = ['bytes', 'KiB', 'MiB', 'GiB'];

export function plotSeries(name: SeriesName, cells: readonly Cell[]): string {
  const { title, label } = SERIES[name];
  return drawPlot({
    title: `${title}: CPU per request`,
    x: { label, scale: 'log', ticks: sizesIn(cells), text: (size) => sizeText(name, size) },
    y: { label: 'microseconds of CPU per request', scale: 'log' },
    lines: peersIn(cells).map((peer) => ({
      name: peer,
      style: STYLES[peer] ?? 3,
      points: cells.filter((cell) => cell.peer === peer).map(({ size, cpuMicros }) => [size, cpuMicros] as const),
    })),
  });
}

export function tableOf(name: SeriesName, cells: readonly Cell[]): string {
  const peers = peersIn(cells);
  const heads = peers.flatMap((peer) => [`${peer} us`, `${peer} MB`]);
  const rows = sizesIn(cells).map((size) => {
    const figures = peers.flatMap((peer) => {
      const cell = cells.find((one) => one.peer === peer && one.size === size);
      return [cell?.cpuMicros.toFixed(1) ?? '', cell?.mb.toFixed(0) ?? ''];
    });
    return `| ${[sizeText(name, size), ...figures].join(' | ')} |\n`;
  });
  return `| ${[SERIES[name].label, ...heads].join(' | ')} |\n| ---: |${heads.map(() => ' ---: |').join('')}\n${rows.join('')}`;
}

function peersIn(cells: readonly Cell[]): readonly string[] {
  return [...new Set(cells.map(({ peer }) => peer))];
}

function sizesIn(cells: readonly Cell[]): readonly number[] {
  return [...new Set(cells.map(({ size }) => size))];
}

function sizeText(name: SeriesName, size: number): string {
  if (name !== 'bodies') return size.toLocaleString('en');
  const unit = Math.floor(Math.log2(size) / 10);
  return `${size / 1024 ** unit} ${UNITS[unit]}`;
}
