import fc from 'fast-check';
import { expect, test } from 'vitest';
import { estimateMonth, gpuHours, type MonthInputs, totalUsd, withOtherImage } from '../../core/ledger/month.ts';

const month: MonthInputs = {
  audioHours: 30,
  liveShare: 0,
  gpuUsdPerHour: 0.526,
  poolSize: 1,
  volumeGb: 75,
  imageGb: 0,
  idleSeconds: 120,
  speed: 46,
  bootSeconds: 45,
  batches: 60,
  alarms: 24,
  metrics: 13,
  retentionDays: 0,
};
const usdOf = (of: MonthInputs): number => totalUsd(estimateMonth(of));

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
    alarms: '1.40',
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

test('your own image saves 55 GB per machine and costs its snapshot once; nothing else changes [deployment.own-image]', () => {
  for (const poolSize of [1, 3]) {
    const own = withOtherImage({ ...month, poolSize });
    expect(usdOf({ ...month, poolSize }) - usdOf(own)).toBeCloseTo(poolSize * 55 * 0.08 - 8 * 0.05, 9);
    expect(withOtherImage(own)).toEqual({ ...month, poolSize });
  }
  const [volume, snapshot] = ['machine volumes', 'snapshot of the image'].map((name) =>
    estimateMonth(withOtherImage(month))
      .find(({ what }) => what === name)
      ?.usd.toFixed(2),
  );
  expect([volume, snapshot]).toEqual(['1.60', '0.40']);
  expect(estimateMonth(month).map(({ what }) => what)).not.toContain('snapshot of the image');
});

test('metrics are billed by the hours in which they are published, and ten months of them are free [deployment.template]', () => {
  const metricsOf = (of: MonthInputs): number => estimateMonth(of).find(({ what }) => what === 'metrics')?.usd ?? 0;
  expect(metricsOf({ ...month, liveShare: 1 })).toBe(0);
  const always = { ...month, audioHours: 720, liveShare: 1, idleSeconds: 0, bootSeconds: 0, batches: 0 };
  expect(metricsOf(always)).toBeCloseTo((1 + 13 + 12 - 10) * 0.3, 9);
});
