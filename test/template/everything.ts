import { ALL_FEATURES } from '../../scripts/iam-document.ts';

/** Context of a stage that uses every option. */
export const EVERYTHING = {
  amiId: 'ami-0123456789abcdef0',
  domain: 'scribe.example.com',
  certificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012',
  ...ALL_FEATURES,
  stage: 'prod',
  poolSize: '2',
  alarmEmail: 'ops@example.com',
  retentionDays: '30',
};
