-- Payments say over whose accounts they moved and entries for whom they are: rows have other bytes, so everything is read from
-- the chain again. Two entries of one account may have one position: of a payment between two that one participant settles for.
TRUNCATE luohu.payments, luohu.keys, luohu.lists, luohu.rejected, luohu.inboxes, luohu.letters, luohu.entries, luohu.notes,
    luohu.tiles, luohu.leaves;
UPDATE luohu.meta SET mark = decode(repeat('00', 64), 'hex');

ALTER TABLE luohu.entries DROP CONSTRAINT entries_pkey;
-- 0 for a debit, which is booked first, 1 for a credit.
ALTER TABLE luohu.entries ADD COLUMN side smallint NOT NULL;
ALTER TABLE luohu.entries ADD PRIMARY KEY (participant, currency, position, side);
