-- The test case of a mock file that an execution was started with.
ALTER TABLE execution ADD COLUMN test_case TEXT;
