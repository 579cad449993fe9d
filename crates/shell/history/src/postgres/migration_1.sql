-- Payments that have ended, by number. The columns are for people and their tools; "entry" is the whole of it.
CREATE TABLE luohu.payments (
    number bigint PRIMARY KEY,
    uetr uuid NOT NULL,
    debtor_agent text NOT NULL,
    creditor_agent text NOT NULL,
    debit_minor numeric(20) NOT NULL,
    debit_currency text NOT NULL,
    credit_minor numeric(20) NOT NULL,
    credit_currency text NOT NULL,
    state text NOT NULL,
    reason text,
    received_ns bigint NOT NULL,
    ended_ns bigint NOT NULL,
    leaf bigint NOT NULL,
    entry bytea NOT NULL
);
COMMENT ON COLUMN luohu.payments.debit_minor IS 'minor units: cents, fen';
COMMENT ON COLUMN luohu.payments.received_ns IS 'nanoseconds since 1970, clearing clock';

-- What payments are found by: 0 the UETR, 1 the message identification, hashed.
CREATE TABLE luohu.keys (
    kind smallint NOT NULL,
    identifier uuid NOT NULL,
    payment bigint NOT NULL,
    PRIMARY KEY (kind, identifier, payment)
);

-- Payments of a participant: sent, or asked about.
CREATE TABLE luohu.lists (
    participant bigint NOT NULL,
    payment bigint NOT NULL,
    PRIMARY KEY (participant, payment)
);

CREATE TABLE luohu.rejected (
    participant bigint NOT NULL,
    payment bigint NOT NULL,
    PRIMARY KEY (participant, payment)
);

CREATE TABLE luohu.inboxes (
    participant bigint NOT NULL,
    position bigint NOT NULL,
    kind smallint NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (participant, position)
);

CREATE TABLE luohu.letters (
    number bigint PRIMARY KEY,
    entry bytea NOT NULL
);

-- What moved on settlement accounts, with the totals behind each entry.
CREATE TABLE luohu.entries (
    participant bigint NOT NULL,
    currency text NOT NULL,
    position bigint NOT NULL,
    entry bytea NOT NULL,
    PRIMARY KEY (participant, currency, position)
);

CREATE TABLE luohu.notes (
    number bigint PRIMARY KEY,
    entry bytea NOT NULL
);

-- The tree of final payments, 1 to 256 hashes a tile.
CREATE TABLE luohu.tiles (
    level smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, number)
);

CREATE TABLE luohu.leaves (
    leaf bigint PRIMARY KEY,
    payment bigint NOT NULL
);

-- For people: times as times.
CREATE VIEW luohu.payments_read AS
SELECT number, uetr, debtor_agent, creditor_agent, debit_minor, debit_currency, credit_minor, credit_currency, state, reason,
    to_timestamp(received_ns / 1e9) AS received_at, to_timestamp(ended_ns / 1e9) AS ended_at
FROM luohu.payments;
