import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  type Attribute,
  AttributeType,
  Billing,
  ProjectionType,
  StreamViewType,
  TableEncryptionV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, HttpMethods } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { EXPORT_TAG, REPORTS_PREFIX } from '../core/contracts/keys.ts';
import { INDEXES } from '../core/contracts/rows.ts';
import type { StageProps } from './stage.ts';

const text = (name: string): Attribute => ({ name, type: AttributeType.STRING });
const number = (name: string): Attribute => ({ name, type: AttributeType.NUMBER });

/** The bucket of recordings, files and results. */
const bucketOf = (scope: Construct, stage: StageProps, removalPolicy: RemovalPolicy): Bucket =>
  new Bucket(scope, 'Bucket', {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    eventBridgeEnabled: true,
    removalPolicy,
    autoDeleteObjects: stage.disposable,
    cors: [
      {
        // The address of the pages is not known here, because the pages depend on this bucket. The signatures of presigned URLs
        // protect the objects, not the origin.
        allowedOrigins: [
          ...stage.origins,
          ...(stage.domain === undefined ? [] : [`https://${stage.domain}`]),
          'https://*.cloudfront.net',
        ],
        allowedMethods: [HttpMethods.PUT, HttpMethods.GET, HttpMethods.HEAD],
        allowedHeaders: ['content-type', 'if-none-match', 'x-amz-checksum-sha256', 'x-amz-meta-*', 'range'],
        exposedHeaders: ['ETag'],
        maxAge: 3600,
      },
    ],
    lifecycleRules: [
      { id: 'abandoned-uploads', abortIncompleteMultipartUploadAfter: Duration.days(1) },
      { id: 'exports', tagFilters: EXPORT_TAG, expiration: Duration.days(1) },
      ...(stage.retentionDays > 0 ? [{ id: 'retention', prefix: 'users/', expiration: Duration.days(stage.retentionDays) }] : []),
    ],
  });

/** The bucket and the tables of recordings, file jobs, results and runs. */
export class Storage extends Construct {
  /** Audio, results and transcripts of users, and reports of the batch. */
  readonly bucket: Bucket;
  /** Recordings, and the progress of their transcripts. */
  readonly sessions: TableV2;
  /** Chunks of recordings and parts of files; the source of truth of what must be transcribed. */
  readonly chunks: TableV2;
  /** Settings of users: correction rules and target words. */
  readonly settings: TableV2;
  /** Counters of calls and audio per user, for the quotas, and statistics of files. */
  readonly quotas: TableV2;
  /** Locks of recordings, batch runs and mail settings. */
  readonly batch: TableV2;
  /** File jobs, idempotency records, and the owners of shared contents. */
  readonly jobs: TableV2;
  /** Webhooks of users, and deliveries. */
  readonly webhooks: TableV2;
  /** Machines, their holders and task tokens, and the run that is joining. */
  readonly fleet: TableV2;
  /** Launches of machines and committed chunks, from which costs are computed. */
  readonly ledger: TableV2;

  constructor(scope: Construct, id: string, stage: StageProps) {
    super(scope, id);
    const removalPolicy = stage.retainData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
    const table = {
      billing: Billing.onDemand(),
      encryption: TableEncryptionV2.awsManagedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: stage.retainData },
      removalPolicy,
    };

    this.bucket = bucketOf(this, stage, removalPolicy);
    this.sessions = new TableV2(this, 'Sessions', {
      ...table,
      timeToLiveAttribute: 'expires_at_s',
      partitionKey: text('session_id'),
      dynamoStream: StreamViewType.NEW_IMAGE,
      globalSecondaryIndexes: [
        {
          indexName: INDEXES.sessionsByUser,
          partitionKey: text('user_id'),
          sortKey: number('created_at_ms'),
        },
        {
          // Sparse: sessions that must be processed, by due time.
          indexName: INDEXES.sessionsDue,
          partitionKey: text('due_shard'),
          sortKey: number('due_at_ms'),
        },
      ],
    });

    this.chunks = new TableV2(this, 'Chunks', {
      ...table,
      partitionKey: text('session_id'),
      sortKey: number('chunk_number'),
      dynamoStream: StreamViewType.NEW_IMAGE,
      globalSecondaryIndexes: [
        {
          // Sparse: only rows without a result have a shard, so that finding missing chunks reads nothing else.
          indexName: INDEXES.chunksPending,
          partitionKey: text('pending_shard'),
          sortKey: number('uploaded_at_ms'),
          projectionType: ProjectionType.ALL,
        },
        {
          // Sparse: chunks that have failed permanently, until they are retried.
          indexName: INDEXES.chunksDead,
          partitionKey: text('dead_shard'),
          sortKey: number('uploaded_at_ms'),
        },
        {
          // Sparse: results that chunks with the same content can reuse.
          indexName: INDEXES.chunksByContent,
          partitionKey: text('content_key'),
          projectionType: ProjectionType.INCLUDE,
          nonKeyAttributes: ['result_key', 'peaks'],
        },
      ],
    });

    this.settings = new TableV2(this, 'Settings', {
      ...table,
      partitionKey: text('user_id'),
      dynamoStream: StreamViewType.NEW_IMAGE,
    });
    this.quotas = new TableV2(this, 'Quotas', {
      ...table,
      partitionKey: text('id'),
      timeToLiveAttribute: 'expires_at_s',
    });
    this.batch = new TableV2(this, 'Batch', {
      ...table,
      partitionKey: text('kind'),
      sortKey: text('id'),
      timeToLiveAttribute: 'expires_at_s',
    });
    this.jobs = new TableV2(this, 'Jobs', {
      ...table,
      partitionKey: text('job_id'),
      timeToLiveAttribute: 'expires_at_s',
      dynamoStream: StreamViewType.NEW_IMAGE,
      globalSecondaryIndexes: [
        {
          indexName: INDEXES.jobsByUser,
          partitionKey: text('user_id'),
          sortKey: number('created_at_ms'),
        },
        {
          // Sparse: jobs that must be processed, by due time.
          indexName: INDEXES.jobsDue,
          partitionKey: text('due_shard'),
          sortKey: number('due_at_ms'),
        },
        {
          // Sparse: open jobs of each user.
          indexName: INDEXES.jobsOpen,
          partitionKey: text('open_of'),
          projectionType: ProjectionType.KEYS_ONLY,
        },
      ],
    });
    this.webhooks = new TableV2(this, 'Webhooks', {
      ...table,
      partitionKey: text('user_id'),
      sortKey: text('id'),
      timeToLiveAttribute: 'expires_at_s',
      globalSecondaryIndexes: [
        {
          // Sparse: pending deliveries, by the time of the next attempt.
          indexName: INDEXES.deliveriesDue,
          partitionKey: text('due_shard'),
          sortKey: number('due_at_ms'),
        },
      ],
    });
    this.fleet = new TableV2(this, 'Fleet', { ...table, partitionKey: text('id') });
    this.ledger = new TableV2(this, 'Ledger', {
      ...table,
      partitionKey: text('usage_id'),
      globalSecondaryIndexes: [
        {
          indexName: INDEXES.ledgerByDay,
          partitionKey: text('day'),
          sortKey: number('at_ms'),
        },
      ],
    });
  }

  /** Environment variables with the names of the bucket and the tables. */
  get env() {
    return {
      BUCKET_NAME: this.bucket.bucketName,
      SESSIONS_TABLE: this.sessions.tableName,
      CHUNKS_TABLE: this.chunks.tableName,
      SETTINGS_TABLE: this.settings.tableName,
      QUOTAS_TABLE: this.quotas.tableName,
      BATCH_TABLE: this.batch.tableName,
      JOBS_TABLE: this.jobs.tableName,
      WEBHOOKS_TABLE: this.webhooks.tableName,
      FLEET_TABLE: this.fleet.tableName,
      LEDGER_TABLE: this.ledger.tableName,
    };
  }

  /** Grants actions on the objects of users only. */
  grantObjects(
    grantee: IGrantable,
    ...actions: readonly (
      | 's3:GetObject'
      | 's3:PutObject'
      | 's3:PutObjectTagging'
      | 's3:DeleteObject'
      | 's3:AbortMultipartUpload'
      | 's3:ListMultipartUploadParts'
    )[]
  ): void {
    Grant.addToPrincipal({ grantee, actions: [...actions], resourceArns: [this.bucket.arnForObjects('users/*')] });
  }

  /** Grants reading, creating, changing and deleting chunks. */
  grantChunks(grantee: IGrantable): void {
    this.chunks.grant(
      grantee,
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
      'dynamodb:DeleteItem',
      'dynamodb:Query',
    );
  }

  /** Grants what advancing file jobs needs: their rows, and the counters of audio. */
  grantJobs(grantee: IGrantable): void {
    this.jobs.grant(grantee, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Query');
    this.quotas.grant(grantee, 'dynamodb:UpdateItem');
  }

  /** Grants actions on the reports and lists of the batch. */
  grantReports(grantee: IGrantable, ...actions: readonly ('s3:GetObject' | 's3:PutObject')[]): void {
    Grant.addToPrincipal({ grantee, actions: [...actions], resourceArns: [this.bucket.arnForObjects(`${REPORTS_PREFIX}*`)] });
  }

  /** Grants reading the stage's own models. */
  grantModels(grantee: IGrantable): void {
    Grant.addToPrincipal({ grantee, actions: ['s3:GetObject'], resourceArns: [this.bucket.arnForObjects('models/*')] });
  }

  /** Grants reading and writing the copies of the worker's environments and models that the machines share. */
  grantMachineCopies(grantee: IGrantable): void {
    const actions = ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'];
    Grant.addToPrincipal({ grantee, actions, resourceArns: [this.bucket.arnForObjects('machine/*')] });
  }

  /**
   * Grants listing the objects of users and the batch. It also makes S3 respond to a missing object with 404 instead of 403;
   * such a request has no prefix, hence `IfExists`.
   */
  grantList(grantee: IGrantable): void {
    Grant.addToPrincipal({
      grantee,
      actions: ['s3:ListBucket'],
      resourceArns: [this.bucket.bucketArn],
      conditions: { StringLikeIfExists: { 's3:prefix': ['users/*', `${REPORTS_PREFIX}*`] } },
    });
  }
}
