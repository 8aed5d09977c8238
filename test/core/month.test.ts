import fc from 'fast-check';
import { expect, test } from 'vitest';
import { estimateMonth, gpuHours, type MonthInputs } from '../../core/ledger/month.ts';

const month: MonthInputs = {
  audioHours: 30,
  liveShare: 0,
  gpuUsdPerHour: 0.526,
  poolSize: 1,
  volumeGb: 75,
  idleSeconds: 120,
  speed: 46,
  bootSeconds: 45,
  batches: 60,
  alarms: 24,
  metrics: 13,
  retentionDays: 0,
};
const usdOf = (of: MonthInputs): number => estimateMonth(of).reduce((all, { usd }) => all + usd, 0);

test('the cost of a month is positive and grows with the hours recorded [deployment.template]', () => {
  const hours = fc.double({ min: 0, max: 10_000, noNaN: true });
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(hours, hours, share, (some, more, liveShare) => {
      const less = usdOf({ ...month, liveShare, audioHours: Math.min(some, more) });
      expect(less).toBeGreaterThan(0);
      expect(usdOf({ ...month, liveShare, audioHours: Math.max(some, more) })).toBeGreaterThanOrEqual(less - 0.02); // lines below half a cent are omitted
    }),
  );
});

test('what runs day and night costs the same without recordings: alarms, polls, keys and functions [deployment.template]', () => {
  const lines = Object.fromEntries(
    estimateMonth({ ...month, audioHours: 0, batches: 0 }).map(({ what, usd }) => [what, usd.toFixed(2)]),
  );
  expect(lines).toEqual({
    'machine volumes': '6.00',
    'alarms and metrics': '2.30',
    'tables and queues': '0.31',
    'table keys': '0.26',
    'functions, API, workflow, events': '0.12',
    logs: '0.05',
  });
});

test('live transcription costs GPU time for the whole recording; the batch costs the work and the boots of its runs [deployment.template]', () => {
  expect(gpuHours(month)).toEqual({ live: 0, batch: 30 / 46 + (60 * 165) / 3600 });
  expect(gpuHours({ ...month, liveShare: 1 })).toEqual({ live: 30 + (30 * 165) / 3600, batch: 0 });
  expect(gpuHours({ ...month, audioHours: 0 })).toEqual({ live: 0, batch: 0 });
});
