/**
 * The MCP tools, and the files they write for a job.
 *
 * Steps of a job: transcribe_wav uploads the file and writes `{stem}.transcribing.txt` -> check_transcription_status reports progress,
 * and when the job has ended, writes `{stem}.txt` (if completed) and removes the status file.
 *
 * Gotchas: files that this server has not written are never changed. Several server processes may handle the same job.
 */
import type { McpServer } from '@modelcontextprotocol/server';
import type { Backend } from './backend.ts';
import type { Folders } from './folders.ts';
import { jobNotes, NOTES } from './job-notes.ts';
import { registerCheck } from './tools/check.ts';
import { registerList } from './tools/list.ts';
import { registerRead } from './tools/read.ts';
import { registerSearch } from './tools/search.ts';
import { registerTranscribe } from './tools/transcribe.ts';

/** Registers all tools. @param notes folder for notes on started jobs */
export function registerTools(server: McpServer, backend: Backend, folders: Folders, notes = NOTES): void {
  const startedJobs = jobNotes(notes);
  registerTranscribe(server, backend, folders, startedJobs);
  registerCheck(server, backend, folders, startedJobs);
  registerList(server, backend);
  registerRead(server, backend);
  registerSearch(server, backend);
}
