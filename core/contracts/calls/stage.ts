/** Notifications, webhooks, costs and the state of the stage. */
import * as z from 'zod';
import * as answers from '../answers.ts';
import { NoFields } from '../fields.ts';
import * as http from '../http.ts';
import type { ApiCalls } from './call.ts';

export const stageCalls = {
  'GET /api/notifications': {
    operationId: 'getNotifications',
    access: 'own',
    summary: "Get the caller's mail settings",
    answers: { 200: http.Notifications },
  },
  'PUT /api/notifications': {
    operationId: 'changeNotifications',
    access: 'own',
    summary: 'Change the mail settings',
    body: http.ChangeNotifications,
    answers: { 200: http.Notifications },
  },
  'GET /api/webhook': {
    operationId: 'getWebhook',
    access: 'own',
    summary: "Get the caller's webhook",
    answers: { 200: answers.WebhookSettings },
  },
  'PUT /api/webhook': {
    operationId: 'setWebhook',
    access: 'own',
    summary: 'Set or remove the webhook; its URL must start with https://',
    body: http.SetWebhook,
    answers: { 200: answers.WebhookSettings },
    errors: ['forbidden'],
  },
  'POST /api/webhook/secret': {
    operationId: 'rotateWebhookSecret',
    access: 'own',
    summary: 'Create a new webhook secret; the previous one stays valid for a day',
    body: NoFields,
    answers: { 201: answers.WebhookSecret },
  },
  'GET /api/webhook/deliveries': {
    operationId: 'listDeliveries',
    access: 'own',
    summary: 'List webhook deliveries, newest first',
    query: http.ListDeliveriesQuery,
    answers: { 200: answers.Deliveries },
  },
  'POST /api/webhook/deliveries/{id}/replay': {
    operationId: 'replayDelivery',
    access: 'own',
    summary: 'Send a webhook message again with the same id',
    body: NoFields,
    answers: { 202: answers.Delivery },
    errors: ['not-found'],
  },
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
