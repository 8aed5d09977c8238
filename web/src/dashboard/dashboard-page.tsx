import { useState } from 'preact/hooks';
import { Costs, Overview } from '../../../core/contracts/answers.ts';
import { ask, inWords } from '../api/client.ts';
import { span, usd } from '../ui/format.ts';
import { Failed, Loading, Notice } from '../ui/parts.tsx';
import { useLoaded } from '../ui/use-loaded.ts';
import { Batch } from './batch.tsx';
import { CostChart } from './cost-chart.tsx';
import { type Act, Figures, Machines, Waiting } from './now.tsx';
import { Dead, Locks, Stuck } from './troubles.tsx';

const [OVERVIEW, COST] = [{ everySeconds: 3 }, { everySeconds: 60 }];

const monthOf = (back: number): string => {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7);
};

function Cost() {
  const [back, setBack] = useState(0);
  const month = monthOf(back);
  const costs = useLoaded(`costs ${month}`, () => ask(Costs, 'GET', `/api/costs?month=${month}`), COST);
  const { value } = costs;
  return (
    <section class="card" aria-labelledby="cost-title">
      <div class="row apart">
        <h2 id="cost-title">Cost of the GPU in {month}</h2>
        <div class="row">
          <button type="button" class="button" onClick={() => setBack(back + 1)}>
            Month before
          </button>
          <button type="button" class="button" disabled={back === 0} onClick={() => setBack(back - 1)}>
            Month after
          </button>
        </div>
      </div>
      {costs.error && <Failed what={costs.error} again={() => void costs.again()} />}
      {value === undefined && !costs.error && <Loading what="The cost" />}
      {value && (
        <>
          <CostChart month={value.month} days={value.days} dailyBudgetUsd={value.dailyBudgetUsd} />
          <details>
            <summary>
              {usd(value.usd)} for {span(value.gpuSeconds)} of GPU time at {usd(value.usdPerHour)} an hour; by day
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

/** What runs, what is missing, what it costs; for admins. It looks anew by itself. */
export function DashboardPage(_: { readonly id: string }) {
  const overview = useLoaded('overview', () => ask(Overview, 'GET', '/api/overview'), OVERVIEW);
  const [said, setSaid] = useState<{ text: string; isBad: boolean } | undefined>();
  const act: Act = (work, done) => {
    setSaid(undefined);
    work().then(
      () => {
        if (done !== undefined) setSaid({ text: done, isBad: false });
        void overview.again();
      },
      (error: unknown) => setSaid({ text: inWords(error), isBad: true }),
    );
  };
  const { value } = overview;
  return (
    <>
      <h1>Dashboard</h1>
      {said && (
        <Notice tone={said.isBad ? 'bad' : 'good'}>
          <p>{said.text}</p>
        </Notice>
      )}
      {overview.error && <Failed what={overview.error} again={() => void overview.again()} />}
      {value === undefined && !overview.error && <Loading what="The overview" />}
      {value && (
        <>
          <Figures overview={value} />
          <div class="cards">
            <Waiting overview={value} />
            <Machines overview={value} act={act} />
          </div>
          <Batch act={act} />
          <Cost />
          <Dead act={act} />
          <div class="cards">
            <Locks act={act} />
            <Stuck overview={value} act={act} />
          </div>
        </>
      )}
    </>
  );
}
