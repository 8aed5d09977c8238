import { Duration } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/** Encryption of every queue. */
export const SECURE = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true };

/** Longest retention that SQS supports. */
export const LONGEST_RETENTION = Duration.days(14);

/** Creates a queue of events or messages that failed permanently. */
export const deadLetterQueue = (scope: Construct, id: string): Queue =>
  new Queue(scope, id, { ...SECURE, retentionPeriod: LONGEST_RETENTION });
