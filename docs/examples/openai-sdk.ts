/** Transcribes a file with OpenAI's client and the service: `SERVICE_URL=http://127.0.0.1:8765 node openai-sdk.ts FILE` */
import { createReadStream } from 'node:fs';
import OpenAI from 'openai';

const { SERVICE_URL, SERVICE_TOKEN = 'none' } = process.env;
const client = new OpenAI({ baseURL: `${SERVICE_URL}/v1`, apiKey: SERVICE_TOKEN });
const file = createReadStream(process.argv[2] ?? '');
const { text } = await client.audio.transcriptions.create({ model: 'whisper-1', file });
console.log(text);
