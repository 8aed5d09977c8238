import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';

/** Returns true when the write succeeded, false when its condition failed. */
export async function conditional(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}
