import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

const hasEndpoint = process.env['AWS_ENDPOINT_URL'] !== undefined;

/** Documents without undefined fields: an absent value is an absent attribute. */
export const documents = (): DynamoDBDocumentClient =>
  DynamoDBDocumentClient.from(new DynamoDBClient(), { marshallOptions: { removeUndefinedValues: true } });

/** SQS; where an endpoint is given it counts, and not the address that a queue's URL had when it was stored. */
export const queueing = (): SQSClient => new SQSClient({ useQueueUrlAsEndpoint: !hasEndpoint });

/**
 * S3 by path where an endpoint is given (an emulator has no wildcard names). Checksums only where asked for: else the
 * checksum of an empty body would be signed into presigned uploads.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-dataintegrity.html
 */
export const objectStorage = (): S3Client =>
  new S3Client({ requestChecksumCalculation: 'WHEN_REQUIRED', forcePathStyle: hasEndpoint });
