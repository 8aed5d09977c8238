/** How users are notified: by mail, and by messages to their servers. */
import * as answers from '../answers.ts';
import { NoFields } from '../fields.ts';
import * as http from '../http.ts';
import { ChangeNotifications, Notifications } from '../notifications.ts';
import type { ApiCalls } from './call.ts';

export const notificationCalls = {
  'GET /api/notifications': {
    operationId: 'getNotifications',
    access: 'own',
    summary: "Get the caller's mail settings",
    answers: { 200: Notifications },
  },
  'PUT /api/notifications': {
    operationId: 'changeNotifications',
    access: 'own',
    summary: 'Change the mail settings',
    body: ChangeNotifications,
    answers: { 200: Notifications },
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
} satisfies ApiCalls;
