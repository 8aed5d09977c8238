import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { retryConflicts } from './retry-conflicts.ts';

/** Attempts of a DynamoDB request. The waits between them add up to at most 1.5 s, or 7.5 s if DynamoDB throttles. */
const MAX_ATTEMPTS = 5;
const hasEndpoint = process.env['AWS_ENDPOINT_URL'] !== undefined;

/** DynamoDB document client. Undefined fields are not written. */
export const documentClient = (config: DynamoDBClientConfig = {}): DynamoDBDocumentClient =>
  DynamoDBDocumentClient.from(retryConflicts(new DynamoDBClient({ maxAttempts: MAX_ATTEMPTS, ...config })), {
    marshallOptions: { removeUndefinedValues: true },
  });

/** SQS client. A configured endpoint overrides the host of stored queue URLs. */
export const sqsClient = (): SQSClient => new SQSClient({ useQueueUrlAsEndpoint: !hasEndpoint });

/**
 * S3 client. Path-style addresses with a configured endpoint, because an emulator has no wildcard DNS. Checksums only where
 * required: otherwise the checksum of an empty body is signed into presigned uploads.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-dataintegrity.html
 */
export const s3Client = (): S3Client =>
  new S3Client({ requestChecksumCalculation: 'WHEN_REQUIRED', forcePathStyle: hasEndpoint });
