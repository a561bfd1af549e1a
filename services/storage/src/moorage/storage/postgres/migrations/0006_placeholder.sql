-- Holds the number of a migration of another branch; goes with the merge.
SELECT 1;
