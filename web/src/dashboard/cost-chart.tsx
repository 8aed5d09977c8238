import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { usd } from '../ui/format.ts';

interface CostChartProps {
  /** `YYYY-MM` */
  readonly month: string;
  readonly days: readonly { readonly day: string; readonly usd: number }[];
  readonly dailyBudgetUsd: number;
}
const HEIGHT = 240;
/** The budget line is hidden when the budget exceeds the most expensive day by more than this factor. */
const MAX_BUDGET_RATIO = 40;

/** All days of the month as seconds since the epoch, and the cost of each. */
function series({ month, days }: CostChartProps): [number[], number[]] {
  const [year = 0, number = 1] = month.split('-').map(Number);
  const count = new Date(Date.UTC(year, number, 0)).getUTCDate();
  const costs = new Map(days.map((day) => [day.day, day.usd]));
  const names = Array.from({ length: count }, (_, i) => `${month}-${String(i + 1).padStart(2, '0')}`);
  return [names.map((name) => Date.parse(`${name}T00:00:00Z`) / 1000), names.map((name) => costs.get(name) ?? 0)];
}

/** Cost per day of a month, with the daily budget as a line. */
export function CostChart(props: CostChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const { month, days, dailyBudgetUsd } = props;
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const style = getComputedStyle(element);
    const color = (name: string): string => style.getPropertyValue(name);
    const [at, cost] = series(props);
    const axis = {
      stroke: color('--ink-soft'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { stroke: color('--line'), width: 1 },
    };
    // A budget far above the costs would flatten the bars, so it does not determine the scale then.
    const maxCost = Math.max(0.01, ...cost);
    const top = dailyBudgetUsd <= MAX_BUDGET_RATIO * maxCost ? Math.max(maxCost, dailyBudgetUsd) : maxCost;
    const bars = UPlot.paths.bars?.({ size: [0.7, 40] });
    const chart = new UPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        tzDate: (seconds) => UPlot.tzDate(new Date(1000 * seconds), 'Etc/UTC'),
        scales: { y: { range: [0, 1.1 * top] } },
        cursor: { y: false },
        axes: [axis, { ...axis, size: 64, values: (_, ticks) => ticks.map((value) => `$${value}`) }],
        series: [
          { label: 'Day', value: '{D} {MMM}' },
          {
            label: 'Cost',
            fill: color('--accent'),
            stroke: color('--accent'),
            ...(bars && { paths: bars }),
            points: { show: false },
            value: (_, value) => (value == null ? '' : usd(value)),
          },
          {
            label: 'Daily budget',
            stroke: color('--busy'),
            dash: [6, 4],
            width: 2,
            points: { show: false },
            value: () => usd(dailyBudgetUsd),
          },
        ],
      },
      [at, cost, at.map(() => dailyBudgetUsd)],
      element,
    );
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [month, days, dailyBudgetUsd]);
  return <div class="chart" ref={box} role="img" aria-label={`Cost by day of ${month}; the table below has the figures`} />;
}
