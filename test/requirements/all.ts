/** Promised behaviors and the tests that prove them. test/repository/requirements.test.ts checks that the references resolve. */
import { apiRequirements } from './api.ts';
import { batchRequirements } from './batch.ts';
import { boundaryRequirements } from './boundaries.ts';
import { deploymentRequirements } from './deployment.ts';
import { doorRequirements } from './doors.ts';
import { fileRequirements } from './files.ts';
import { gpuRequirements } from './gpu.ts';
import { hostRequirements } from './host.ts';
import { languageRequirements } from './languages.ts';
import { modelRequirements } from './models.ts';
import { pageRequirements } from './pages.ts';
import { pressureRequirements } from './pressure.ts';
import { recordingRequirements } from './recordings.ts';
import type { Requirement } from './requirement.ts';
import { serviceRequirements } from './service.ts';
import { speechRequirements } from './speech.ts';
import { transcriptRequirements } from './transcripts.ts';
import { workerRequirements } from './worker.ts';

export const requirements: readonly Requirement[] = [
  ...apiRequirements,
  ...batchRequirements,
  ...boundaryRequirements,
  ...deploymentRequirements,
  ...doorRequirements,
  ...fileRequirements,
  ...gpuRequirements,
  ...hostRequirements,
  ...languageRequirements,
  ...modelRequirements,
  ...pageRequirements,
  ...pressureRequirements,
  ...recordingRequirements,
  ...serviceRequirements,
  ...speechRequirements,
  ...transcriptRequirements,
  ...workerRequirements,
];
