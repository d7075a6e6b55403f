CREATE UNIQUE INDEX visits_ticket_idx ON shop.visits (ticket);
CREATE UNIQUE INDEX events_once_idx ON shop.events (id, happened_at);
