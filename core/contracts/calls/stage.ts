/** Costs and the state of the stage, and the description of the API. */
import * as z from 'zod';
import * as answers from '../answers.ts';
import * as http from '../http.ts';
import type { ApiCalls } from './call.ts';

export const stageCalls = {
  'GET /api/costs': {
    operationId: 'getCosts',
    access: 'admin',
    summary: 'Get the GPU costs by day of a month (admin)',
    query: http.CostsQuery,
    answers: { 200: answers.Costs },
    errors: ['forbidden'],
  },
  'GET /api/overview/dead-chunks': {
    operationId: 'listDeadChunks',
    access: 'admin',
    summary: 'List permanently failed chunks with their reasons (admin)',
    answers: { 200: answers.DeadChunks },
    errors: ['forbidden'],
  },
  'GET /api/overview': {
    operationId: 'getOverview',
    access: 'admin',
    summary: 'Get queues, machines and costs (admin)',
    answers: { 200: answers.Overview },
    errors: ['forbidden'],
  },
  'GET /api/health': {
    operationId: 'getHealth',
    access: 'anyone',
    summary: 'Check whether the service works',
    answers: { 200: answers.Health },
  },
  'GET /api/openapi.json': {
    operationId: 'getDescription',
    access: 'anyone',
    summary: 'Get this document',
    answers: { 200: z.looseObject({}) },
  },
} satisfies ApiCalls;
