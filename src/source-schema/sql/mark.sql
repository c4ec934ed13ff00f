-- The version that is installed now. It is written last, so that it is true.
--
-- Rights: owner of schema changefeed.

COMMENT ON SCHEMA changefeed IS :'mark';
