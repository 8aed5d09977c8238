import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { type Emulator, REGION } from './emulator.ts';

/** The mails stored by the emulator, as JSON. The request is presigned like one for an S3 object. */
export async function readMails({ endpoint, credentials }: Pick<Emulator, 'endpoint' | 'credentials'>): Promise<string> {
  const client = new S3Client({ endpoint, credentials, region: REGION, forcePathStyle: true });
  const list = new GetObjectCommand({ Bucket: '_ministack', Key: 'ses/messages' });
  const response = await fetch(await getSignedUrl(client, list));
  if (!response.ok) throw new Error(`the mails cannot be read: ${response.status} ${await response.text()}`);
  return response.text();
}
