/** Manual control of GPU machines. */
import * as answers from '../answers.ts';
import * as http from '../http.ts';
import type { ApiCalls } from './call.ts';

export const gpuCalls = {
  'POST /api/gpu/start': {
    operationId: 'startGpu',
    access: 'admin',
    summary: 'Start a GPU machine and hold it (admin)',
    body: http.StartGpu,
    answers: { 202: answers.GpuStarted },
    errors: ['forbidden', 'budget-reached', 'no-capacity', 'busy'],
  },
  'POST /api/gpu/stop': {
    operationId: 'stopGpu',
    access: 'admin',
    summary: "Release the caller's hold on the machines; with force, stop them in any case (admin)",
    body: http.StopGpu,
    answers: { 200: answers.GpuStopped },
    errors: ['forbidden'],
  },
} satisfies ApiCalls;
