"""Messages: one payload between bytes and (salt, session_id, msg_id, seqno, body). Sans-IO, both roles."""
