-- Functions of earlier versions that are gone, or that have other parameters now.
--
-- Rights: owner of schema changefeed.

-- Descriptions were logical messages once.
DROP FUNCTION IF EXISTS changefeed.emit(jsonb);
DROP FUNCTION IF EXISTS changefeed.look();
DROP FUNCTION IF EXISTS changefeed.look(oid, int);
DROP FUNCTION IF EXISTS changefeed.published();
DROP FUNCTION IF EXISTS changefeed.hold(oid);
DROP FUNCTION IF EXISTS changefeed.look_at(oid, text);
