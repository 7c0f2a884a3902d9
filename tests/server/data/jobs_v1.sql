-- A job store as Easel 0.1.0 leaves it (schema version 1): jobs in each state, one of them cut off by kill -9 while it
-- ran, and the queue paused. Made by `sqlite3 user/jobs.sqlite .dump`.
BEGIN TRANSACTION;
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, number REAL NOT NULL, state INTEGER NOT NULL, prompt TEXT NOT NULL, extra_data TEXT NOT NULL,
    targets TEXT NOT NULL, client_id TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, outputs TEXT NOT NULL DEFAULT '{}',
    messages TEXT NOT NULL DEFAULT '[]', meta TEXT NOT NULL DEFAULT '{}', failure TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL, started INTEGER NOT NULL DEFAULT 0, finished INTEGER NOT NULL DEFAULT 0,
    ended_as INTEGER NOT NULL DEFAULT 0, seq INTEGER NOT NULL);
INSERT INTO jobs VALUES('done',1.0,2,'{"1":{"class_type":"EmptyImage","inputs":{"width":16,"height":16,"batch_size":1,"color":255}},"2":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"x"}}}','{"extra_pnginfo":{"workflow":{"nodes":[]}},"client_id":"me"}','["2"]','me',1,'{"2":{"images":[{"filename":"x_00001_.png","subfolder":"","type":"output"}]}}','[["execution_start",{"prompt_id":"done","timestamp":1795701385594}],["execution_cached",{"nodes":[],"prompt_id":"done","timestamp":1795701385594}],["execution_success",{"prompt_id":"done","timestamp":1795701385597}]]','{"2":{"node_id":"2","display_node":"2","parent_node":null,"real_node_id":"2"}}','',1795701385530,1795701385594,1795701385597,1,1);
INSERT INTO jobs VALUES('failed',2.0,3,'{"1":{"class_type":"LoadImage","inputs":{"image":"gone.png"}},"2":{"class_type":"PreviewImage","inputs":{"images":["1",0]}}}','{}','["2"]','',1,'{}','[["execution_start",{"prompt_id":"failed","timestamp":1795701385598}],["execution_cached",{"nodes":[],"prompt_id":"failed","timestamp":1795701385598}],["execution_error",{"prompt_id":"failed","node_id":"1","node_type":"LoadImage","executed":[],"exception_message":"node 1 (LoadImage): there is no picture ''gone.png'' in in","exception_type":"missing","traceback":[],"current_inputs":{"image":["gone.png"]},"current_outputs":[],"timestamp":1795701385598}]]','{}','node 1 (LoadImage): there is no picture ''gone.png'' in in',1795701385542,1795701385598,1795701385598,2,2);
INSERT INTO jobs VALUES('interrupted',3.0,4,'{"1":{"class_type":"EmptyImage","inputs":{"width":2048,"height":2048,"batch_size":8,"color":1}},"2":{"class_type":"ImageBlur","inputs":{"image":["1",0],"blur_radius":31,"sigma":9.0}},"3":{"class_type":"ImageBlur","inputs":{"image":["2",0],"blur_radius":31,"sigma":8.0}},"4":{"class_type":"PreviewImage","inputs":{"images":["3",0]}}}','{}','["4"]','',1,'{}','[["execution_start",{"prompt_id":"interrupted","timestamp":1795701385606}],["execution_cached",{"nodes":[],"prompt_id":"interrupted","timestamp":1795701385606}],["execution_interrupted",{"prompt_id":"interrupted","node_id":"","node_type":"","executed":["1"],"timestamp":1795701387838}]]','{}','interrupted',1795701385559,1795701385606,1795701387839,3,3);
INSERT INTO jobs VALUES('cancelled',4.0,5,'{"1":{"class_type":"EmptyImage","inputs":{"width":16,"height":16,"batch_size":1,"color":255}},"2":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"x"}}}','{}','["2"]','',0,'{}','[]','{}','',1795701385572,0,1795701385577,0,4);
INSERT INTO jobs VALUES('running',5.0,1,'{"1":{"class_type":"EmptyImage","inputs":{"width":2048,"height":2048,"batch_size":8,"color":1}},"2":{"class_type":"ImageBlur","inputs":{"image":["1",0],"blur_radius":31,"sigma":9.0}},"3":{"class_type":"ImageBlur","inputs":{"image":["2",0],"blur_radius":31,"sigma":8.0}},"4":{"class_type":"PreviewImage","inputs":{"images":["3",0]}}}','{}','["4"]','',1,'{}','[]','{}','',1795701387870,1795701387874,0,0,5);
INSERT INTO jobs VALUES('waiting',6.0,0,'{"1":{"class_type":"EmptyImage","inputs":{"width":16,"height":16,"batch_size":1,"color":255}},"2":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"x"}}}','{}','["2"]','',0,'{}','[]','{}','',1795701387898,0,0,0,6);
INSERT INTO jobs VALUES('first',-7.0,0,'{"1":{"class_type":"EmptyImage","inputs":{"width":16,"height":16,"batch_size":1,"color":255}},"2":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"x"}}}','{}','["2"]','',0,'{}','[]','{}','',1795701387964,0,0,0,7);
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO facts VALUES('paused',1);
INSERT INTO facts VALUES('seq',7);
INSERT INTO facts VALUES('ended',3);
CREATE INDEX jobs_queue ON jobs(state, number, seq);
CREATE INDEX jobs_history ON jobs(ended_as) WHERE ended_as > 0;
COMMIT;
PRAGMA user_version=1;
