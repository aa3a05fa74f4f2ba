\set n random(0, :orders - 1)
SELECT number, status, version FROM purchase_orders WHERE number_key = 'POB' || lpad(((:n::bigint * 387420489) % 1000000000)::text, 9, '0');
