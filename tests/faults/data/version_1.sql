-- A store of version 1, made by the code of that time; what that code showed of it is in version_1.json.
PRAGMA application_id = 1280527938;
PRAGMA user_version = 1;
CREATE TABLE sessions(
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      session_id TEXT NOT NULL UNIQUE,
      user_id TEXT NOT NULL,
      provider TEXT NOT NULL,
      model TEXT NOT NULL,
      backend TEXT NOT NULL,
      status TEXT NOT NULL,
      title TEXT,
      created_us INTEGER NOT NULL,                -- microseconds since 1970, UTC
      updated_us INTEGER NOT NULL,
      next_seq INTEGER NOT NULL DEFAULT 0,
      message_count INTEGER NOT NULL DEFAULT 0,
      token_count INTEGER NOT NULL DEFAULT 0,
      fts_upto INTEGER NOT NULL DEFAULT 0,        -- seq up to which the text index has got
      branch TEXT NOT NULL,                       -- the branch whose path is active
      tip INTEGER,                                -- seq of the last message of the active path
      settings TEXT NOT NULL,                     -- JSON, as the next two; what differs from the defaults
      native TEXT,
      metadata TEXT);
CREATE INDEX sessions_user ON sessions(user_id, updated_us);
CREATE TABLE messages(
      id INTEGER PRIMARY KEY,
      parent INTEGER,                             -- seq of the message before it on its path
      turn INTEGER,
      path_turns INTEGER NOT NULL,                -- turns from the root to here
      version INTEGER NOT NULL DEFAULT 1,         -- 1, 2, ... among those with the same parent
      active INTEGER NOT NULL DEFAULT 1,          -- on the path to sessions.tip
      hidden INTEGER NOT NULL DEFAULT 0,
      ts_us INTEGER NOT NULL,
      role TEXT NOT NULL,
      message_id TEXT NOT NULL,
      finish_reason TEXT,
      token_count INTEGER,
      source TEXT,
      cell_id TEXT,
      provider_message_id TEXT,
      content TEXT NOT NULL,
      parts TEXT,                                 -- JSON, NULL when empty; as metadata, params, details
      metadata TEXT,
      provider TEXT,                              -- from here on: the request an assistant message answers
      request_model TEXT,
      model TEXT,
      started_us INTEGER,
      duration_s REAL,
      time_to_first_chunk_s REAL,
      queued_s REAL,
      input_tokens INTEGER,
      cached_input_tokens INTEGER,
      cache_write_tokens INTEGER,
      output_tokens INTEGER,
      reasoning_tokens INTEGER,
      tokens_source TEXT,
      cost_usd REAL,
      cost_source TEXT,
      status TEXT,
      error_type TEXT,
      error_message TEXT,
      attempts INTEGER,
      streamed INTEGER,
      compare_id TEXT,
      params TEXT,
      provider_finish_reason TEXT,
      provider_request_id TEXT,
      details TEXT,
      sid INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
      seq INTEGER GENERATED ALWAYS AS (id & 4294967295) VIRTUAL);
CREATE TABLE branches(
      sid INTEGER NOT NULL,
      name TEXT NOT NULL,
      tip INTEGER,
      PRIMARY KEY (sid, name)) WITHOUT ROWID;
CREATE TABLE partials(
      sid INTEGER NOT NULL,
      message_id TEXT NOT NULL,
      reply_to INTEGER NOT NULL,
      owner TEXT NOT NULL,                        -- the process that writes it
      saved_us INTEGER NOT NULL,
      payload TEXT NOT NULL,                      -- JSON of the message's columns that are set
      PRIMARY KEY (sid, message_id)) WITHOUT ROWID;
CREATE TRIGGER sessions_ad AFTER DELETE ON sessions BEGIN
      DELETE FROM messages WHERE id >= old.id << 32 AND id < (old.id + 1) << 32;
      DELETE FROM branches WHERE sid = old.id;
      DELETE FROM partials WHERE sid = old.id;
    END;
INSERT INTO sessions(id,session_id,user_id,provider,model,backend,status,title,created_us,updated_us,next_seq,message_count,token_count,fts_upto,branch,tip,settings) VALUES
(1,'9a913435f994f335938f77a5f402d4ac','ada','mock','echo','local','active','rerun',1751009632890173,1751009633499721,16,16,16,0,'main',15,'{}'),
(2,'bed60dfb565eee90204f75e0701aa39c','ada','mock','echo','local','active','replaced',1751009633507733,1751009633550673,8,8,8,0,'main',7,'{}'),
(3,'56691cdc7178673896fb4e122adde055','ada','mock','echo','local','active','forked',1751009633555572,1751009633640967,12,12,12,0,'main',11,'{}'),
(4,'9651239253a69cf55916509162f3fbde','ada','mock','echo','local','active','compared',1751009633645755,1751009633704013,12,12,12,0,'main',7,'{}'),
(5,'df3932c00372aafa35561cf43a73272c','ada','mock','echo','local','active','asides',1751009633709698,1751009633735805,8,8,8,0,'main',7,'{}'),
(6,'b1652c4505ea367e6a4d25aa3c1a34d1','ada','mock','echo','local','active','hidden',1751009633779431,1751009633848253,8,8,8,0,'try',7,'{}'),
(7,'b1113fddc940399a061a74a125dcea94','ada','mock','echo','local','active','system',1751009633851081,1751009633878423,10,10,8,0,'main',9,'{}'),
(8,'b648296fea90ee901a9c7e22ca8e1ea4','ada','mock','echo','local','active','undone',1751009633880787,1751009633894180,6,6,6,0,'main',1,'{}'),
(9,'3e3be76c7e48ac5b34b549989a50b019','ada','mock','echo','local','active','failed',1751009633895831,1751009633904232,6,6,4,0,'main',5,'{}'),
(11,'3cbb7397a22d8abceb58da98f9c6f425','ada','mock','echo','local','active','programmed',1751009633906550,1751009633912146,13,13,12,0,'main',12,'{}'),
(12,'f99f9f21db8ec985f4da5da3218fc397','ada','mock','echo','local','active','raced',1751009633912281,1751009633913240,6,6,0,0,'main',5,'{}'),
(13,'c554c84e076ff9ea5154791bc5c490d5','ada','mock','echo','local','active','tools',1751009633913320,1751009633916025,7,7,4,0,'main',6,'{}'),
(14,'aac75a5468ad6bd74656dccd5abd51f0','ada','mock','echo','local','active','cut',1751009633916155,1751009633916466,3,3,0,0,'main',2,'{}');
INSERT INTO sessions(id,session_id,user_id,provider,model,backend,status,title,created_us,updated_us,next_seq,message_count,token_count,fts_upto,branch,settings) VALUES
(10,'6ca5dc229a25029e0054cafd7a10f31f','ada','mock','echo','local','active','library',1751009633905912,1751009633905914,0,0,0,0,'main','{}'),
(15,'3f4d0770ab066ffc51a7333345704d49','ada','mock','echo','local','active','empty',1751009633916926,1751009633916927,0,0,0,0,'main','{}');
INSERT INTO messages(id,turn,path_turns,version,active,hidden,ts_us,role,message_id,source,cell_id,content) VALUES
(4294967296,0,1,1,1,0,1751009632956796,'user','26ca35cc6578092366543712c3787631','magic','a','A'),
(8589934592,0,1,1,1,0,1751009633516297,'user','f4545ad2a087304e513303a9051df4f4','magic','a','A'),
(12884901888,0,1,1,1,0,1751009633565049,'user','6549a8aa7d81439669fcf0121ee4ad69','magic','a','A'),
(17179869184,0,1,1,1,0,1751009633654220,'user','b34dca8064c057846e37245e1a177b36','magic','a','A'),
(21474836480,0,1,1,1,0,1751009633714184,'user','d12d4340157249f7459b889e1faaa8c3','magic','a','A'),
(25769803776,0,1,1,1,0,1751009633805882,'user','f9d48c9297aa35ea7f83c4dc0a7ad03b','magic','a','A'),
(34359738368,0,1,1,1,0,1751009633883514,'user','18ff1f6804e6840a2518ce03beef9ebe','magic','a','A'),
(38654705664,0,1,1,1,0,1751009633897778,'user','5f918ed649488b0a350651c028a7253e','magic','a','A');
INSERT INTO messages(id,parent,turn,path_turns,version,active,hidden,ts_us,role,message_id,finish_reason,token_count,source,cell_id,provider_message_id,content,provider,request_model,model,started_us,duration_s,time_to_first_chunk_s,queued_s,input_tokens,output_tokens,tokens_source,status,attempts,streamed,provider_finish_reason,provider_request_id) VALUES
(4294967297,0,0,1,1,1,0,1751009632966834,'assistant','1f4a5f7e60321cc291b477b52f84a397','stop',2,'magic','a','mock_msg_1','re A','mock','echo','echo',1751009632964070,0.002736,0.002557,0.0,1,2,'provider','ok',1,1,'stop','mock_req_1'),
(4294967299,2,1,2,1,0,0,1751009633434625,'assistant','af250df65e58288296745c79b515f4d6','stop',2,'magic','b','mock_msg_2','re B','mock','echo','echo',1751009633434025,0.000571,0.000407,0.0,3,2,'provider','ok',1,1,'stop','mock_req_2'),
(4294967301,4,2,3,1,0,0,1751009633446573,'assistant','4395842a3765134b8dca72511e4447e1','stop',2,'magic','c','mock_msg_3','re C','mock','echo','echo',1751009633445959,0.000587,0.000442,0.0,5,2,'provider','ok',1,1,'stop','mock_req_3'),
(4294967303,6,1,2,1,0,0,1751009633458120,'assistant','bcb8bbd406976f5b9ef8e5ca9dbed10e','stop',2,'magic','b','mock_msg_4','re B2','mock','echo','echo',1751009633457701,0.000397,0.00029,0.0,3,2,'provider','ok',1,1,'stop','mock_req_4'),
(4294967305,8,2,3,1,0,0,1751009633469091,'assistant','02f0a055e894a8eeb60170402ec516ff','stop',2,'magic','c','mock_msg_5','re C2','mock','echo','echo',1751009633466779,0.002294,0.00219,0.0,6,2,'provider','ok',1,1,'stop','mock_req_5'),
(4294967307,10,3,4,1,0,0,1751009633480348,'assistant','23f7c0e211f8012cbbf6d51deb9027d5','stop',2,'magic','d','mock_msg_6','re D','mock','echo','echo',1751009633479600,0.000728,0.00063,0.0,9,2,'provider','ok',1,1,'stop','mock_req_6'),
(4294967309,12,4,5,1,0,0,1751009633487862,'assistant','df7d9b620c76ea6414bb7f27de0a3a2c','stop',2,'magic','d','mock_msg_7','re E','mock','echo','echo',1751009633487102,0.000744,0.000652,0.0,11,2,'provider','ok',1,1,'stop','mock_req_7'),
(4294967311,14,1,2,1,1,0,1751009633499107,'assistant','df4e5a1cb853ed0419fd6702eb077ff6','stop',2,'magic','b','mock_msg_8','re B3','mock','echo','echo',1751009633498238,0.000843,0.000706,0.0,3,2,'provider','ok',1,1,'stop','mock_req_8'),
(8589934593,0,0,1,1,1,0,1751009633517326,'assistant','c15ee4eb4f76c18c6aa6136f5ac09c78','stop',2,'magic','a','mock_msg_1','re A','mock','echo','echo',1751009633516935,0.000368,0.000263,0.0,1,2,'provider','ok',1,1,'stop','mock_req_1'),
(8589934595,2,1,2,1,0,0,1751009633526893,'assistant','23391efda14a5a8ccb29108cbe017380','stop',2,'magic','b','mock_msg_2','re B','mock','echo','echo',1751009633526057,0.000814,0.000701,0.0,3,2,'provider','ok',1,1,'stop','mock_req_2'),
(8589934597,4,1,2,1,1,0,1751009633537860,'assistant','b389bbe655698167071add36ea13efe5','stop',2,'magic','b','mock_msg_3','re B2','mock','echo','echo',1751009633537422,0.000416,0.000308,0.0,3,2,'provider','ok',1,1,'stop','mock_req_3'),
(8589934599,6,2,3,1,1,0,1751009633550512,'assistant','ab6d31fc139e8039283b24e6e4ca1ea7','stop',2,'magic','c','mock_msg_4','re C','mock','echo','echo',1751009633550072,0.000422,0.000312,0.0,6,2,'provider','ok',1,1,'stop','mock_req_4'),
(12884901889,0,0,1,1,1,0,1751009633566119,'assistant','de5f2b8bf80ee7bf58c654dfac525b29','stop',2,'magic','a','mock_msg_1','re A','mock','echo','echo',1751009633565725,0.000371,0.000266,0.0,1,2,'provider','ok',1,1,'stop','mock_req_1'),
(12884901891,2,1,2,1,1,0,1751009633573642,'assistant','e6027174c0e80830f27179ccbfbca309','stop',2,'magic','b','mock_msg_2','re B','mock','echo','echo',1751009633573197,0.000423,0.000319,0.0,3,2,'provider','ok',1,1,'stop','mock_req_2'),
(12884901893,4,2,3,1,1,0,1751009633585438,'assistant','57827f3973e07c46e8cc768a2bee7649','stop',2,'magic','c','mock_msg_3','re C','mock','echo','echo',1751009633584722,0.000689,0.000575,0.0,5,2,'provider','ok',1,1,'stop','mock_req_3'),
(12884901895,6,1,2,1,0,0,1751009633599074,'assistant','8045499262216940ff07dfa35984baf1','stop',2,'magic','x','mock_msg_4','re X','mock','echo','echo',1751009633598624,0.000427,0.000317,0.0,3,2,'provider','ok',1,1,'stop','mock_req_4'),
(12884901897,8,2,3,1,0,0,1751009633610036,'assistant','f2e56b45a42fc2a3ec9ee1df5c9eae5c','stop',2,'magic','y','mock_msg_5','re Y','mock','echo','echo',1751009633609544,0.000471,0.000366,0.0,5,2,'provider','ok',1,1,'stop','mock_req_5'),
(12884901899,10,3,4,1,1,0,1751009633638180,'assistant','b8f710e32d8f710a8207e647ec4c8e68','stop',2,'magic','d','mock_msg_6','re D','mock','echo','echo',1751009633636590,0.001564,0.00113,0.0,7,2,'provider','ok',1,1,'stop','mock_req_6'),
(17179869185,0,0,1,1,1,0,1751009633656091,'assistant','4a6365cbea94d2aa8c13c94dc03ca09b','stop',2,'magic','a','mock_msg_1','re A','mock','echo','echo',1751009633655612,0.000452,0.000333,0.0,1,2,'provider','ok',1,1,'stop','mock_req_1'),
(17179869191,6,2,3,1,1,0,1751009633681442,'assistant','337e966edacfea5762729788bf469a4f','stop',2,'magic','c','mock_msg_4','re C','mock','echo','echo',1751009633680920,0.000497,0.000382,0.0,5,2,'provider','ok',1,1,'stop','mock_req_4'),
(21474836481,0,0,1,1,1,0,1751009633715165,'assistant','f37da43c5ef72a353458d9aaf137a7dd','stop',2,'magic','a','mock_msg_1','re A','mock','echo','echo',1751009633714774,0.000368,0.000262,0.0,1,2,'provider','ok',1,1,'stop','mock_req_1'),
(21474836483,2,1,2,1,0,0,1751009633724039,'assistant','3b2a497a4cf4aab2a71966fe3225964a','stop',2,'magic','n','mock_msg_2','re N','mock','echo','echo',1751009633722921,0.001095,0.000975,0.0,1,2,'provider','ok',1,1,'stop','mock_req_2'),
(21474836485,4,1,2,1,0,0,1751009633730685,'assistant','30a71cbd9edf20530e69c780ba6f14ba','stop',2,'magic','n','mock_msg_3','re N2','mock','echo','echo',1751009633730282,0.000381,0.000278,0.0,1,2,'provider','ok',1,1,'stop','mock_req_3'),
(21474836487,6,1,2,1,1,0,1751009633735646,'assistant','ab8618f64fd788984484f92cb2b42c4c','stop',2,'magic','b','mock_msg_4','re B','mock','echo','echo',1751009633735095,0.000529,0.000427,0.0,3,2,'provider','ok',1,1,'stop','mock_req_4'),
(25769803777,0,0,1,1,1,0,1751009633807878,'assistant','3e85dadd43f1266d38880f2ae2ca0b42','stop',2,'magic','a','mock_msg_1','re A','mock','echo','echo',1751009633806448,0.00141,0.001309,0.0,1,2,'provider','ok',1,1,'stop','mock_req_1'),
(25769803779,2,1,2,1,1,1,1751009633821250,'assistant','293e7c91b931e4498f9ca4c109defd9c','stop',2,'magic','b','mock_msg_2','re B','mock','echo','echo',1751009633820597,0.000634,0.000542,0.0,3,2,'provider','ok',1,1,'stop','mock_req_2'),
(25769803781,4,2,3,1,1,0,1751009633834035,'assistant','503e9ca3b3377d460bc00d1cfb24456d','stop',2,'magic','c','mock_msg_3','re C','mock','echo','echo',1751009633833485,0.000522,0.0004,0.0,5,2,'provider','ok',1,1,'stop','mock_req_3'),
(25769803783,6,3,4,1,1,0,1751009633848048,'assistant','7d61dfcea490a17905cae69a8fe8139d','stop',2,'magic','x','mock_msg_4','re X','mock','echo','echo',1751009633847461,0.000562,0.000443,0.0,5,2,'provider','ok',1,1,'stop','mock_req_4'),
(30064771074,1,0,1,1,1,0,1751009633860880,'assistant','7e27fa64e872637c8aa638bc0d1501e9','stop',2,'magic','a','mock_msg_1','re A','mock','echo','echo',1751009633860339,0.000517,0.000357,0.0,4,2,'provider','ok',1,1,'stop','mock_req_1'),
(30064771076,3,1,2,1,1,0,1751009633866610,'assistant','b8517d6b2fbcbded680661fd2b5a1c47','stop',2,'magic','b','mock_msg_2','re B','mock','echo','echo',1751009633866121,0.000471,0.000368,0.0,6,2,'provider','ok',1,1,'stop','mock_req_2'),
(30064771079,6,2,3,1,1,0,1751009633873585,'assistant','140e9dc1c7c4496e50a389be21ae323a','stop',2,'magic','c','mock_msg_3','re C','mock','echo','echo',1751009633873118,0.00045,0.000359,0.0,7,2,'provider','ok',1,1,'stop','mock_req_3'),
(30064771081,8,3,4,1,1,0,1751009633877978,'assistant','2854da061a0c97232122b014bffbfa83','stop',2,'magic','d','mock_msg_4','re D','mock','echo','echo',1751009633877505,0.000456,0.000364,0.0,9,2,'provider','ok',1,1,'stop','mock_req_4'),
(34359738369,0,0,1,1,1,0,1751009633884243,'assistant','ff6d97dc1fbbc4aed80f12fb38bcf9c8','stop',2,'magic','a','mock_msg_1','re A','mock','echo','echo',1751009633883916,0.000311,0.000229,0.0,1,2,'provider','ok',1,1,'stop','mock_req_1'),
(34359738371,2,1,2,1,0,0,1751009633887975,'assistant','e81c48cbb9720ee12fbc07bd07d252f9','stop',2,'magic','b','mock_msg_2','re B','mock','echo','echo',1751009633887615,0.000345,0.000266,0.0,3,2,'provider','ok',1,1,'stop','mock_req_2'),
(34359738373,4,2,3,1,0,0,1751009633891862,'assistant','3a07c18159f34a35134af0fa9e4c35d9','stop',2,'magic','c','mock_msg_3','re C','mock','echo','echo',1751009633891481,0.000367,0.000291,0.0,5,2,'provider','ok',1,1,'stop','mock_req_3'),
(38654705665,0,0,1,1,1,0,1751009633898460,'assistant','06eb17f800c922b28f087a66e06239af','stop',2,'magic','a','mock_msg_1','re A','mock','echo','echo',1751009633898145,0.000298,0.000231,0.0,1,2,'provider','ok',1,1,'stop','mock_req_1'),
(38654705669,4,2,3,1,1,0,1751009633904127,'assistant','fc6253b59730898a38450240cc9da6c5','stop',2,'magic','c','mock_msg_1','re C','mock','echo','echo',1751009633903784,0.000334,0.00027,0.0,3,2,'provider','ok',1,1,'stop','mock_req_1');
INSERT INTO messages(id,parent,turn,path_turns,version,active,hidden,ts_us,role,message_id,source,cell_id,content) VALUES
(4294967298,1,1,2,1,0,0,1751009633433033,'user','da0f66b0b12a697e9dcd4cf361f70d4a','magic','b','B'),
(4294967300,3,2,3,1,0,0,1751009633445049,'user','4c50613482095196b517a3274ac10165','magic','c','C'),
(4294967302,1,1,2,2,0,0,1751009633453535,'user','e282b5928767cabe181147de5e4b59df','magic','b','B2'),
(4294967304,7,2,3,1,0,0,1751009633465900,'user','12dce442a3180154ddfd6c6eb4d827bc','magic','c','C2'),
(4294967306,9,3,4,1,0,0,1751009633478385,'user','924ff41a81813730558a6981d4ae6e3e','magic','d','D'),
(4294967308,11,4,5,1,0,0,1751009633486222,'user','77abd594fb16f5aa72f6b912efe8aa6b','magic','d','E'),
(4294967310,1,1,2,3,1,0,1751009633496155,'user','20f446280a6327bfe61052837d7d071c','magic','b','B3'),
(8589934594,1,1,2,1,0,1,1751009633524872,'user','15c7626cbc184e147d133e962c8a6a75','magic','b','B'),
(8589934596,1,1,2,2,1,0,1751009633534572,'user','af4258838db06c3ec49c317d39d4c1d2','magic','b','B2'),
(8589934598,5,2,3,1,1,0,1751009633549573,'user','64c384c12f4065d5d6008536c418f6bb','magic','c','C'),
(12884901890,1,1,2,1,1,0,1751009633571180,'user','059b7a155af1bb3b06227ea6c636a259','magic','b','B'),
(12884901892,3,2,3,1,1,0,1751009633584152,'user','09fc5af250cefeb2de9a7f4a0c0c57e8','magic','c','C'),
(12884901894,1,1,2,2,0,0,1751009633597964,'user','5243883b3b5314aa1f6b44bab0730167','magic','x','X'),
(12884901896,7,2,3,1,0,0,1751009633608025,'user','1488116cdf811d7afe34794e8ca8a4b5','magic','y','Y'),
(12884901898,5,3,4,1,1,0,1751009633634672,'user','8ac1c4f67934179c76fff43cc6ae6551','magic','d','D'),
(17179869186,1,1,2,1,0,0,1751009633663475,'user','d64a35a8fa2b1a745f4928e00f83bc5a','magic','b','B'),
(17179869187,1,1,2,2,1,0,1751009633663667,'user','84092f8362b5308e19cea20fcf1daf1c','magic','b','B'),
(17179869190,5,2,3,1,1,0,1751009633680108,'user','6751aabc20f150f6541802588f7627f4','magic','c','C'),
(17179869192,7,3,4,1,0,0,1751009633692841,'user','28156787b4e2db8a1fc3fa1ab45a6936','magic','d','D'),
(17179869193,7,3,4,2,0,0,1751009633694204,'user','2025e37fb51ca7fb23f03d910ec6c709','magic','d','D'),
(21474836486,1,1,2,3,1,0,1751009633734534,'user','9b0ee3e5a9962f4f95965c846fde6e20','magic','b','B'),
(25769803778,1,1,2,1,1,1,1751009633820050,'user','3286fb6ad3d16650df2a940c411bb8ab','magic','b','B'),
(25769803780,3,2,3,1,1,0,1751009633832598,'user','8a1981d29aa3b81128343ca9196b147e','magic','c','C'),
(25769803782,5,3,4,1,1,0,1751009633842332,'user','03d69dc368dfd1e772bce2fe58498123','magic','x','X'),
(30064771073,0,0,1,1,1,0,1751009633856507,'user','e41c288bd3381921aa2fa6a55344258d','magic','a','A'),
(30064771075,2,1,2,1,1,0,1751009633864341,'user','03cfa87c26e876dea54b453400b3ba02','magic','b','B'),
(30064771078,5,2,3,1,1,0,1751009633872522,'user','dc520ce13034c5d76c2f91d799d062b5','magic','c','C'),
(30064771080,7,3,4,1,1,0,1751009633877016,'user','ed6151607ff2b3df967cb50509e4f7e3','magic','d','D'),
(34359738370,1,1,2,1,0,0,1751009633887159,'user','bc38e8c54c44c42de57dfc300f7989cd','magic','b','B'),
(34359738372,3,2,3,1,0,0,1751009633891084,'user','888ec3741d9b7efc926e269bdae3aef8','magic','c','C'),
(38654705666,1,1,2,1,1,0,1751009633900712,'user','a00600e227b304ded157044ee493c2f3','magic','b','B'),
(38654705668,3,2,3,1,1,0,1751009633903493,'user','7542fc899d15ed6f07c24ade7ad978ba','magic','c','C');
INSERT INTO messages(id,parent,turn,path_turns,version,active,hidden,ts_us,role,message_id,finish_reason,token_count,source,cell_id,provider_message_id,content,provider,request_model,model,started_us,duration_s,time_to_first_chunk_s,queued_s,input_tokens,output_tokens,tokens_source,status,attempts,streamed,compare_id,provider_finish_reason,provider_request_id) VALUES
(17179869188,2,1,2,1,0,0,1751009633665842,'assistant','ebe96ce8432ae46bbc8b0445b34065c4','stop',2,'magic','b','mock_msg_2','re B','mock','echo','echo',1751009633664716,0.001102,0.000897,0.0,3,2,'provider','ok',1,1,'df4ec3835b0c1465a393806d3e9e83ac','stop','mock_req_2'),
(17179869189,3,1,2,1,1,0,1751009633666771,'assistant','b9fa51a215e64b744dbe93199162b025','stop',2,'magic','b','mock_msg_3','re B','mock','script','script',1751009633665293,0.001457,0.001367,0.0,3,2,'provider','ok',1,1,'df4ec3835b0c1465a393806d3e9e83ac','stop','mock_req_3'),
(17179869194,8,3,4,1,0,0,1751009633701207,'assistant','326ae0de1232d1b363baeedf2872b60e','stop',2,'magic','d','mock_msg_5','re D','mock','echo','echo',1751009633696810,0.004369,0.004246,0.0,7,2,'provider','ok',1,1,'c79ad98abecb243ae7cab0a2206b5f9b','stop','mock_req_5'),
(17179869195,9,3,4,1,0,0,1751009633703809,'assistant','ab9f127aeb2174e47456d46c8a7ba4c5','stop',2,'magic','d','mock_msg_6','re D','mock','script','script',1751009633699895,0.003891,0.003771,0.0,7,2,'provider','ok',1,1,'c79ad98abecb243ae7cab0a2206b5f9b','stop','mock_req_6');
INSERT INTO messages(id,parent,turn,path_turns,version,active,hidden,ts_us,role,message_id,source,cell_id,content,metadata) VALUES
(21474836482,1,1,2,1,0,0,1751009633720467,'user','bcca958aa29a11e7421326df86040a72','magic','n','N','{"aside":true}'),
(21474836484,1,1,2,2,0,0,1751009633729558,'user','c2c43d34e309d9f1ee24f82aef5e1126','magic','n','N2','{"aside":true}');
INSERT INTO messages(id,path_turns,version,active,hidden,ts_us,role,message_id,source,content) VALUES
(30064771072,0,1,1,1,1751009633855525,'system','d9cd35f3719b0e653bb00421d60a9b86','magic','Be brief.');
INSERT INTO messages(id,parent,turn,path_turns,version,active,hidden,ts_us,role,message_id,source,content) VALUES
(30064771077,4,1,2,1,1,0,1751009633872128,'system','56326e4c4c1652cfa7103e716a4707e9','magic','Be kind.'),
(47244640257,0,0,1,1,1,0,1751009633906960,'user','182d5c26cbb35b047d7c633ea0b17249','api','A'),
(47244640259,2,1,2,1,0,0,1751009633907735,'user','82130d4edca16b94742d1dca7e5866b9','api','B'),
(47244640261,4,2,3,1,0,0,1751009633908461,'user','c77f1e9f91551280bdf0730d4f9d4104','api','C'),
(47244640265,2,1,2,2,1,0,1751009633910529,'user','54267ba4263616e24ce979f0d0d6773c','panel','B2'),
(47244640267,10,2,3,1,1,0,1751009633911560,'user','b1ce44d0da51ba1fe041f3b8bbf6eb18','api','D'),
(55834574853,4,1,2,1,1,0,1751009633915437,'user','5ff8fc11f57b6cdb03c19428bfee6afb','api','thanks');
INSERT INTO messages(id,parent,turn,path_turns,version,active,hidden,ts_us,role,message_id,finish_reason,source,cell_id,content,provider,request_model,started_us,duration_s,queued_s,status,error_type,error_message,attempts,streamed) VALUES
(38654705667,2,1,2,1,1,0,1751009633901518,'assistant','8cfa0a0da553b5ecdd9e6b40898fb496','error','magic','b','','mock','echo',1751009633901288,0.000214,0.0,'error','ProviderConnectionError','no way',1,1);
INSERT INTO messages(id,path_turns,version,active,hidden,ts_us,role,message_id,content) VALUES
(47244640256,0,1,1,0,1751009633906563,'system','67bd0a29da9b7e6ff34cf146ce0cd82f','You are terse.');
INSERT INTO messages(id,parent,turn,path_turns,version,active,hidden,ts_us,role,message_id,finish_reason,token_count,source,provider_message_id,content,provider,request_model,model,started_us,duration_s,time_to_first_chunk_s,queued_s,input_tokens,output_tokens,tokens_source,status,attempts,streamed,provider_finish_reason,provider_request_id) VALUES
(47244640258,1,0,1,1,1,0,1751009633907473,'assistant','2ea0ed6d8f91c19915791876e4e3393d','stop',2,'api','mock_msg_1','re A','mock','echo','echo',1751009633907195,0.000269,0.000208,0.0,5,2,'provider','ok',1,1,'stop','mock_req_1'),
(47244640260,3,1,2,1,0,0,1751009633908213,'assistant','e5479159a95de3a1e0a829a0905df56c','stop',2,'api','mock_msg_2','re B','mock','echo','echo',1751009633907959,0.000246,0.000194,0.0,7,2,'provider','ok',1,1,'stop','mock_req_2'),
(47244640262,5,2,3,1,0,0,1751009633909007,'assistant','3dc8cb7b62dd0a98881abf6ca5bbf75c','stop',2,'api','mock_msg_3','re C','mock','echo','echo',1751009633908683,0.000315,0.000261,0.0,9,2,'provider','ok',1,1,'stop','mock_req_3'),
(47244640263,3,1,2,2,0,0,1751009633909974,'assistant','638ddbb9d2128cd820106015db468691','stop',2,'api','mock_msg_4','re B','mock','echo','echo',1751009633909719,0.000245,0.000191,0.0,7,2,'provider','ok',1,1,'stop','mock_req_4'),
(47244640266,9,1,2,1,1,0,1751009633911310,'assistant','c20b544d2d188cce6b053f4b9416a405','stop',2,'panel','mock_msg_5','re B2','mock','echo','echo',1751009633910874,0.000426,0.000371,0.0,7,2,'provider','ok',1,1,'stop','mock_req_5'),
(47244640268,11,2,3,1,1,0,1751009633912033,'assistant','ad743276028b6ab93d5d121d1b099336','stop',2,'api','mock_msg_6','re D','mock','echo','echo',1751009633911775,0.00025,0.0002,0.0,10,2,'provider','ok',1,1,'stop','mock_req_6'),
(55834574851,2,0,1,1,0,0,1751009633914293,'assistant','f1f2b1f4395375842ff8fb1e989da080','stop',1,'api','mock_msg_7','re ','mock','echo','echo',1751009633914009,0.000276,0.000225,0.0,3,1,'provider','ok',1,1,'stop','mock_req_7'),
(55834574852,2,0,1,2,1,0,1751009633915128,'assistant','a98098790ba5f0172594ec0e0e235174','stop',1,'api','mock_msg_8','re ','mock','echo','echo',1751009633914894,0.000225,0.000179,0.0,3,1,'provider','ok',1,1,'stop','mock_req_8'),
(55834574854,5,1,2,1,1,0,1751009633915924,'assistant','5e27b45f26a78c0c165853d35d78c3ed','stop',2,'api','mock_msg_9','re thanks','mock','echo','echo',1751009633915639,0.000277,0.000226,0.0,6,2,'provider','ok',1,1,'stop','mock_req_9');
INSERT INTO messages(id,parent,turn,path_turns,version,active,hidden,ts_us,role,message_id,content) VALUES
(47244640264,7,1,2,1,0,0,1751009633910226,'system','5fb99b43b7ca1cdbd15d04d4fe28f2ed','And kind.'),
(51539607553,0,1,2,1,1,0,1751009633912665,'user','6fdb04b88b5c3732ebf547210e5e1864','two'),
(51539607556,3,2,3,1,1,0,1751009633913149,'user','1c3152b90517d16a4bade4bd34359a09','three'),
(60129542146,1,1,2,1,1,0,1751009633916359,'user','755611b25727f913c70b860177d4be19','B');
INSERT INTO messages(id,turn,path_turns,version,active,hidden,ts_us,role,message_id,content) VALUES
(51539607552,0,1,1,1,0,1751009633912507,'user','e4b66b404016fa2c8d592bdf249e2b31','one'),
(55834574848,0,1,1,1,0,1751009633913489,'user','ec06569cb34baaa486d8b1ac9f0496dd','sum?'),
(60129542144,0,1,1,1,0,1751009633916339,'user','e596a8ba3ef224eafc80a90232f337fe','A');
INSERT INTO messages(id,parent,turn,path_turns,version,active,hidden,ts_us,role,message_id,finish_reason,content,provider,request_model,queued_s,status,attempts,streamed) VALUES
(51539607554,1,1,2,1,1,0,1751009633912859,'assistant','8d0d063ae714d7d0bacdf79f765e82ae','stop','re two','mock','echo',0.0,'ok',1,1),
(51539607555,2,0,2,1,1,0,1751009633913012,'assistant','cfee6ed2f983a209776faaa962dfe727','stop','re one','mock','echo',0.0,'ok',1,1),
(51539607557,4,2,3,1,1,0,1751009633913162,'assistant','3a8dc8a9a00c49452522f0e1398669df','stop','re three','mock','echo',0.0,'ok',1,1),
(60129542145,0,0,1,1,1,0,1751009633916352,'assistant','e0fcfefc37802969d9107c5062f21f81','stop','re A','mock','echo',0.0,'ok',1,1);
INSERT INTO messages(id,parent,turn,path_turns,version,active,hidden,ts_us,role,message_id,content,parts,provider,request_model,queued_s,status,attempts,streamed) VALUES
(55834574849,0,0,1,1,1,0,1751009633913502,'assistant','ed8bcedb22e3191a949474a5ffdf0380','I look.','[{"type":"tool_call","id":"c1","name":"f","arguments":"{}"}]','mock','echo',0.0,'ok',1,1);
INSERT INTO messages(id,parent,turn,path_turns,version,active,hidden,ts_us,role,message_id,source,content,parts) VALUES
(55834574850,1,0,1,1,1,0,1751009633913768,'tool','2d24bf79b3f8ae2801484782015dfcf6','api','','[{"type":"tool_result","tool_call_id":"c1","content":"42"}]');
INSERT INTO branches(sid,name,tip) VALUES
(3,'try',9),
(6,'main',5);
INSERT INTO partials(sid,message_id,reply_to,owner,saved_us,payload) VALUES
(14,'cut-reply',2,'17359:428736:a-machine-that-is-gone',1751009633916780,'{"hidden": 0, "ts_us": 1751009633916538, "role": "assistant", "message_id": "cut-reply", "content": "re", "provider": "mock", "request_model": "echo", "queued_s": 0.0, "status": "stopped", "attempts": 1, "streamed": 1}');
