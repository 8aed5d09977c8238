import { useState } from 'preact/hooks';
import { api, errorMessage } from '../api/client.ts';
import { span, usd } from '../ui/format.ts';
import { LoadState } from '../ui/load-state.tsx';
import { Notice } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import { Batch } from './batch.tsx';
import { CostChart } from './cost-chart.tsx';
import { type Act, Figures, Machines, Queues } from './now.tsx';
import { ActiveRecordings, FailedChunks, StuckFiles } from './problems.tsx';

const [OVERVIEW, COST] = [{ everySeconds: 3 }, { everySeconds: 60 }];

const monthOf = (monthsAgo: number): string => {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - monthsAgo, 1)).toISOString().slice(0, 7);
};

function Cost() {
  const [monthsAgo, setMonthsAgo] = useState(0);
  const month = monthOf(monthsAgo);
  const costs = useLoaded(`costs ${month}`, () => api('GET /api/costs', { query: { month } }), COST);
  const { value } = costs;
  return (
    <section class="card" aria-labelledby="cost-title">
      <div class="row apart">
        <h2 id="cost-title">GPU cost in {month}</h2>
        <div class="row">
          <button type="button" class="button" onClick={() => setMonthsAgo(monthsAgo + 1)}>
            Previous month
          </button>
          <button type="button" class="button" disabled={monthsAgo === 0} onClick={() => setMonthsAgo(monthsAgo - 1)}>
            Next month
          </button>
        </div>
      </div>
      <LoadState loaded={costs} what="The cost" />
      {value && (
        <>
          <CostChart month={value.month} days={value.days} dailyBudgetUsd={value.dailyBudgetUsd} />
          <details>
            <summary>
              {usd(value.usd)} for {span(value.gpuSeconds)} of GPU time at {usd(value.usdPerHour)} an hour, by day
            </summary>
            <table class="table">
              <thead>
                <tr>
                  <th scope="col">Day</th>
                  <th scope="col" class="number">
                    GPU time
                  </th>
                  <th scope="col" class="number">
                    Cost
                  </th>
                </tr>
              </thead>
              <tbody>
                {value.days.map(({ day, gpuSeconds, usd: cost }) => (
                  <tr key={day}>
                    <th scope="row">{day}</th>
                    <td class="number">{span(gpuSeconds)}</td>
                    <td class="number">{usd(cost)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </details>
        </>
      )}
    </section>
  );
}

/** The dashboard for admins: queues, machines, batch, cost and problems. It refreshes automatically. */
export function DashboardPage(_: { readonly id: string }) {
  const overview = useLoaded('overview', () => api('GET /api/overview'), OVERVIEW);
  const [message, setMessage] = useState<{ text: string; isBad: boolean } | undefined>();
  const act: Act = (work, done) => {
    setMessage(undefined);
    work().then(
      () => {
        if (done !== undefined) setMessage({ text: done, isBad: false });
        void overview.reload();
      },
      (error: unknown) => setMessage({ text: errorMessage(error), isBad: true }),
    );
  };
  const { value } = overview;
  return (
    <>
      <h1>Dashboard</h1>
      {message && (
        <Notice tone={message.isBad ? 'bad' : 'good'}>
          <p>{message.text}</p>
        </Notice>
      )}
      <LoadState loaded={overview} what="The overview" />
      {value && (
        <>
          <Figures overview={value} />
          <div class="cards">
            <Queues overview={value} />
            <Machines overview={value} act={act} />
          </div>
          <Batch act={act} />
          <Cost />
          <FailedChunks act={act} />
          <div class="cards">
            <ActiveRecordings act={act} />
            <StuckFiles overview={value} act={act} />
          </div>
        </>
      )}
    </>
  );
}
