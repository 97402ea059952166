-- The newest entry of the queue: what comes later is for the next settle. NULL: nothing to do.
SELECT max(queue_id) FROM klartext.settle_queue;
