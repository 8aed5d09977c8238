import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, Billing, ProjectionType, StreamViewType, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, HttpMethods } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { REPORTS_PREFIX } from '../core/contracts/keys.ts';
import { INDEXES } from '../core/contracts/rows.ts';
import type { StageProps } from './stage.ts';

/** The bucket and the tables: what recordings, results and runs are kept in. */
export class Storage extends Construct {
  readonly bucket: Bucket;
  readonly sessions: TableV2;
  readonly chunks: TableV2;
  /** One row per user: what they have settled for all their sessions. */
  readonly settings: TableV2;
  /** How often users did what costs something, by the minute. */
  readonly quotas: TableV2;
  /** Locks of recorders, and the batch's runs. */
  readonly batch: TableV2;
  /** File jobs; beside them what keys of requests have made, and who does the work for a content. */
  readonly jobs: TableV2;
  /** Users' webhooks, and what was delivered. */
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
          // The address of the pages is not known here: it depends on what they may talk to, which is this bucket. What an address
          // is good for is in its signature; browsers' origins guard nothing beside it.
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
          // Sparse: sessions that something must be done with, by the time for it.
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
          // Sparse: only rows that wait for a result have a shard, so "is anything missing?" reads nothing else.
          indexName: INDEXES.chunksPending,
          partitionKey: { name: 'pending_shard', type: AttributeType.STRING },
          sortKey: { name: 'uploaded_at_ms', type: AttributeType.NUMBER },
          projectionType: ProjectionType.ALL,
        },
        {
          // Sparse: chunks that are given up, until a person retries them.
          indexName: INDEXES.chunksDead,
          partitionKey: { name: 'dead_shard', type: AttributeType.STRING },
          sortKey: { name: 'uploaded_at_ms', type: AttributeType.NUMBER },
        },
        {
          // Sparse: results of bytes that may come again.
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
          // Sparse: jobs that something must be done with, by the time for it.
          indexName: INDEXES.jobsDue,
          partitionKey: { name: 'due_shard', type: AttributeType.STRING },
          sortKey: { name: 'due_at_ms', type: AttributeType.NUMBER },
        },
        {
          // Sparse: only open jobs name their user here.
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
          // Sparse: deliveries that wait, by the time of their next attempt.
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

  /** Rights on users' objects, and on nothing else of the bucket. */
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

  /** Moving file jobs on: their rows, and the audio that counts against a user's day. */
  grantJobs(grantee: IGrantable): void {
    this.jobs.grant(grantee, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Query');
    this.quotas.grant(grantee, 'dynamodb:UpdateItem');
  }

  /** Reports and lists of the batch. */
  grantReports(grantee: IGrantable, ...actions: readonly ('s3:GetObject' | 's3:PutObject')[]): void {
    Grant.addToPrincipal({ grantee, actions: [...actions], resourceArns: [this.bucket.arnForObjects(`${REPORTS_PREFIX}*`)] });
  }

  /** Models that the stage brings along. */
  grantModels(grantee: IGrantable): void {
    Grant.addToPrincipal({ grantee, actions: ['s3:GetObject'], resourceArns: [this.bucket.arnForObjects('models/*')] });
  }

  /**
   * Listing, which also makes a missing object a 404 instead of a 403: a request for an object names no prefix, and must be
   * allowed all the same.
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
