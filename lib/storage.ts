import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, Billing, ProjectionType, StreamViewType, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, HttpMethods } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { REPORTS_PREFIX } from '../core/contracts/keys.ts';
import { INDEXES } from '../core/contracts/rows.ts';
import type { StageProps } from './stage.ts';

/** The bucket and the tables of recordings, file jobs, results and runs. */
export class Storage extends Construct {
  readonly bucket: Bucket;
  readonly sessions: TableV2;
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
  readonly fleet: TableV2;
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

    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      eventBridgeEnabled: true,
      removalPolicy,
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
        ...(stage.retentionDays > 0
          ? [{ id: 'retention', prefix: 'users/', expiration: Duration.days(stage.retentionDays) }]
          : []),
      ],
    });

    this.sessions = new TableV2(this, 'Sessions', {
      ...table,
      timeToLiveAttribute: 'expires_at_s',
      partitionKey: { name: 'session_id', type: AttributeType.STRING },
      dynamoStream: StreamViewType.NEW_IMAGE,
      globalSecondaryIndexes: [
        {
          indexName: INDEXES.sessionsByUser,
          partitionKey: { name: 'user_id', type: AttributeType.STRING },
          sortKey: { name: 'created_at_ms', type: AttributeType.NUMBER },
        },
        {
          // Sparse: sessions that must be processed, by due time.
          indexName: INDEXES.sessionsDue,
          partitionKey: { name: 'due_shard', type: AttributeType.STRING },
          sortKey: { name: 'due_at_ms', type: AttributeType.NUMBER },
        },
      ],
    });

    this.chunks = new TableV2(this, 'Chunks', {
      ...table,
      partitionKey: { name: 'session_id', type: AttributeType.STRING },
      sortKey: { name: 'chunk_number', type: AttributeType.NUMBER },
      dynamoStream: StreamViewType.NEW_IMAGE,
      globalSecondaryIndexes: [
        {
          // Sparse: only rows without a result have a shard, so that finding missing chunks reads nothing else.
          indexName: INDEXES.chunksPending,
          partitionKey: { name: 'pending_shard', type: AttributeType.STRING },
          sortKey: { name: 'uploaded_at_ms', type: AttributeType.NUMBER },
          projectionType: ProjectionType.ALL,
        },
        {
          // Sparse: chunks that have failed permanently, until they are retried.
          indexName: INDEXES.chunksDead,
          partitionKey: { name: 'dead_shard', type: AttributeType.STRING },
          sortKey: { name: 'uploaded_at_ms', type: AttributeType.NUMBER },
        },
        {
          // Sparse: results that chunks with the same content can reuse.
          indexName: INDEXES.chunksByContent,
          partitionKey: { name: 'content_key', type: AttributeType.STRING },
          projectionType: ProjectionType.INCLUDE,
          nonKeyAttributes: ['result_key', 'peaks'],
        },
      ],
    });

    this.settings = new TableV2(this, 'Settings', {
      ...table,
      partitionKey: { name: 'user_id', type: AttributeType.STRING },
      dynamoStream: StreamViewType.NEW_IMAGE,
    });
    this.quotas = new TableV2(this, 'Quotas', {
      ...table,
      partitionKey: { name: 'id', type: AttributeType.STRING },
      timeToLiveAttribute: 'expires_at_s',
    });
    this.batch = new TableV2(this, 'Batch', {
      ...table,
      partitionKey: { name: 'kind', type: AttributeType.STRING },
      sortKey: { name: 'id', type: AttributeType.STRING },
      timeToLiveAttribute: 'expires_at_s',
    });
    this.jobs = new TableV2(this, 'Jobs', {
      ...table,
      partitionKey: { name: 'job_id', type: AttributeType.STRING },
      timeToLiveAttribute: 'expires_at_s',
      dynamoStream: StreamViewType.NEW_IMAGE,
      globalSecondaryIndexes: [
        {
          indexName: INDEXES.jobsByUser,
          partitionKey: { name: 'user_id', type: AttributeType.STRING },
          sortKey: { name: 'created_at_ms', type: AttributeType.NUMBER },
        },
        {
          // Sparse: jobs that must be processed, by due time.
          indexName: INDEXES.jobsDue,
          partitionKey: { name: 'due_shard', type: AttributeType.STRING },
          sortKey: { name: 'due_at_ms', type: AttributeType.NUMBER },
        },
        {
          // Sparse: open jobs of each user.
          indexName: INDEXES.jobsOpen,
          partitionKey: { name: 'open_of', type: AttributeType.STRING },
          projectionType: ProjectionType.KEYS_ONLY,
        },
      ],
    });
    this.webhooks = new TableV2(this, 'Webhooks', {
      ...table,
      partitionKey: { name: 'user_id', type: AttributeType.STRING },
      sortKey: { name: 'id', type: AttributeType.STRING },
      timeToLiveAttribute: 'expires_at_s',
      globalSecondaryIndexes: [
        {
          // Sparse: pending deliveries, by the time of the next attempt.
          indexName: INDEXES.deliveriesDue,
          partitionKey: { name: 'due_shard', type: AttributeType.STRING },
          sortKey: { name: 'due_at_ms', type: AttributeType.NUMBER },
        },
      ],
    });
    this.fleet = new TableV2(this, 'Fleet', { ...table, partitionKey: { name: 'id', type: AttributeType.STRING } });
    this.ledger = new TableV2(this, 'Ledger', {
      ...table,
      partitionKey: { name: 'usage_id', type: AttributeType.STRING },
      globalSecondaryIndexes: [
        {
          indexName: INDEXES.ledgerByDay,
          partitionKey: { name: 'day', type: AttributeType.STRING },
          sortKey: { name: 'at_ms', type: AttributeType.NUMBER },
        },
      ],
    });
  }

  /** Grants actions on the objects of users only. */
  grantObjects(
    grantee: IGrantable,
    ...actions: readonly (
      | 's3:GetObject'
      | 's3:PutObject'
      | 's3:DeleteObject'
      | 's3:AbortMultipartUpload'
      | 's3:ListMultipartUploadParts'
    )[]
  ): void {
    Grant.addToPrincipal({ grantee, actions: [...actions], resourceArns: [this.bucket.arnForObjects('users/*')] });
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
