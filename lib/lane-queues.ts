import { Duration } from 'aws-cdk-lib';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { QUEUE_ENV } from '../core/contracts/env.ts';
import { LANES, type Lane } from '../core/contracts/lanes.ts';
import { LEASE_SECONDS } from '../core/contracts/limits.ts';
import { deadLetterQueue, LONGEST_RETENTION, SECURE } from './dead-letters.ts';

/** Receives after which a message is a dead letter. Meant for unreadable messages; a chunk's attempts are counted in its row. */
const MAX_RECEIVES = 50;

/** One queue per lane, each with a dead-letter queue. */
export class LaneQueues extends Construct {
  /** Queue of each lane. */
  readonly queues: Readonly<Record<Lane, Queue>>;
  /** Dead-letter queue of each lane. */
  readonly deadLetters: readonly { readonly lane: Lane; readonly queue: Queue }[];

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const dead: { lane: Lane; queue: Queue }[] = [];
    this.deadLetters = dead;
    const make = (lane: Lane): Queue => {
      const deadLetters = deadLetterQueue(this, `${lane}-dead`);
      dead.push({ lane, queue: deadLetters });
      return new Queue(this, lane, {
        ...SECURE,
        retentionPeriod: LONGEST_RETENTION,
        visibilityTimeout: Duration.seconds(LEASE_SECONDS),
        deadLetterQueue: { queue: deadLetters, maxReceiveCount: MAX_RECEIVES },
      });
    };
    this.queues = {
      stop: make('stop'),
      live: make('live'),
      'files-urgent': make('files-urgent'),
      files: make('files'),
      backlog: make('backlog'),
    };
  }

  /** Environment variables with the URLs of the queues. */
  get env(): Record<(typeof QUEUE_ENV)[Lane], string> {
    return {
      QUEUE_STOP_URL: this.queues.stop.queueUrl,
      QUEUE_LIVE_URL: this.queues.live.queueUrl,
      QUEUE_FILES_URGENT_URL: this.queues['files-urgent'].queueUrl,
      QUEUE_FILES_URL: this.queues.files.queueUrl,
      QUEUE_BACKLOG_URL: this.queues.backlog.queueUrl,
    };
  }

  /** Grants sending messages to every lane. */
  grantSend(grantee: IGrantable): void {
    for (const lane of LANES) this.queues[lane].grantSendMessages(grantee);
  }

  /** Grants reading the lengths of the queues. */
  grantReadAttributes(grantee: IGrantable): void {
    for (const lane of LANES) this.queues[lane].grant(grantee, 'sqs:GetQueueAttributes');
  }

  /** Grants receiving and deleting messages of every lane. */
  grantConsume(grantee: IGrantable): void {
    for (const lane of LANES) this.queues[lane].grantConsumeMessages(grantee);
  }
}
