"""Telling people and programs: e-mail by SMTP, messages to webhooks by HTTP."""
