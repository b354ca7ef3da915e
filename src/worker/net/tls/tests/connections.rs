//! How a connection by TLS goes on and ends, whomever it was made with.

use super::*;

#[test]
fn a_server_that_speaks_no_tls_is_said_so() {
    on_runtime(async {
        let mut panel = Panel::new();
        let sip = Server::new(|mut stream| async move {
            let mut hello = [0; 4096];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(b"SIP/2.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        })
        .await;
        let words = |words: &str| TlsFault::Handshake(words.into());
        assert_eq!(fault(panel.tries(&sip, "pbx.test").await), words("the other side does not speak TLS"));
        let closes = Server::new(|mut stream| async move {
            let mut hello = [0; 4096];
            let _ = stream.read(&mut hello).await;
        })
        .await;
        assert_eq!(fault(panel.tries(&closes, "pbx.test").await), words("the other side closed the connection"));
    });
}

#[test]
fn a_server_with_no_cipher_or_version_in_common_is_said_so() {
    on_runtime(async {
        let mut panel = Panel::new();
        // handshake_failure and protocol_version, as a server by TLS 1.2 sends them.
        for (alert, words) in [
            (40, "the server agrees to no cipher that is still safe"),
            (70, "the server offers no version that is still safe, TLS 1.2 or 1.3"),
        ] {
            let server = Server::new(move |mut stream| async move {
                let mut hello = [0; 4096];
                let _ = stream.read(&mut hello).await;
                let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, alert]).await;
                let _ = stream.read(&mut hello).await;
            })
            .await;
            assert_eq!(fault(panel.tries(&server, "pbx.test").await), TlsFault::Handshake(words.into()));
        }
    });
}

#[test]
fn a_server_that_is_silent_or_trickles_keeps_nobody_else_waiting() {
    on_runtime(async {
        let mut panel = Panel::new();
        let limits = Limits { connect_tls: Duration::from_millis(300), ..Limits::default() };
        let (sender, mut events) = mpsc::channel(16);
        let mut table = Table::new(limits, sender);
        let silent = Server::new(|stream| async move {
            let _stream = stream;
            std::future::pending().await
        })
        .await;
        let trickling = Server::new(|mut stream| async move {
            // The beginning of a record that says that much follows.
            let _ = stream.write_all(&[22, 3, 3, 0x3f, 0xff, 2, 0, 0x3f, 0xfb]).await;
            while stream.write_all(&[3]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        let issued = panel.authority.issue(&wanted("pbx", &["pbx.test"]));
        let good = Server::echoes(of(&issued, &BOTH, None)).await;
        let mut slow = Vec::new();
        for remote in [silent.address, trickling.address] {
            let wanted = Connect { flow: None, local: remote, remote, tls: panel.tls("pbx.test") };
            slow.push(table.connect(Instant::now(), wanted, &|_| false).expect("there is room").0);
        }
        assert_eq!(panel.tries(&good, "pbx.test").await, Ok(()));
        for _ in 0..2 {
            let Some(FlowEvent::Closed { flow, why }) = events.recv().await else { panic!("nothing was agreed on") };
            assert_eq!(why, FlowFault::TimedOut);
            slow.retain(|waiting| *waiting != flow);
        }
        assert!(slow.is_empty());
    });
}

#[test]
fn an_end_is_told_from_a_cut() {
    on_runtime(async {
        let mut panel = Panel::new();
        let issued = panel.authority.issue(&wanted("pbx", &["pbx.test"]));
        let half = b"OPTIONS sip:panel SIP/2.0\r\nVia: SIP/2.0/TLS pbx";
        let cuts = Server::tls(of(&issued, &BOTH, None), move |mut stream| async move {
            stream.write_all(half).await.expect("it stands");
            stream.flush().await.expect("it stands");
            let (mut tcp, _) = stream.into_inner();
            tcp.shutdown().await.expect("it stands");
        })
        .await;
        let ends = Server::tls(of(&issued, &BOTH, None), move |mut stream| async move {
            stream.write_all(half).await.expect("it stands");
            stream.shutdown().await.expect("it stands");
        })
        .await;
        for (server, words) in [(cuts, "cut by the other side"), (ends, "closed by the other side")] {
            panel.connect(server.address, "pbx.test");
            panel.stands().await;
            let mut heard = Vec::new();
            let why = loop {
                match panel.event().await {
                    FlowEvent::Bytes { bytes, .. } => heard.extend(bytes),
                    FlowEvent::Closed { why, .. } => break why,
                    FlowEvent::Connected { .. } => panic!("it stood already"),
                }
            };
            assert_eq!((heard.as_slice(), why), (&half[..], FlowFault::Ended(words.into())));
            assert!(!panel.table.contains(FLOW));
        }
    });
}

#[test]
fn big_messages_go_both_ways_at_once() {
    const SIZE: usize = 200 * 1024;
    on_runtime(async {
        let mut panel = Panel::new();
        let issued = panel.authority.issue(&wanted("pbx", &["pbx.test"]));
        for versions in BOTH {
            let server = Server::tls(of(&issued, &[versions], None), |stream| async move {
                let (mut reader, mut writer) = tokio::io::split(stream);
                let speak = async {
                    let message: Vec<u8> = (0..SIZE).map(|at| at as u8).collect();
                    writer.write_all(&message).await.expect("it stands");
                    writer.flush().await.expect("it stands");
                };
                let hear = async {
                    let mut message = vec![0; SIZE];
                    reader.read_exact(&mut message).await.expect("it comes");
                    message
                };
                let ((), message) = tokio::join!(speak, hear);
                let right = message.iter().enumerate().all(|(at, byte)| *byte == (at / 7) as u8);
                writer.write_all(if right { b"all of it" } else { b"rubbish!!" }).await.expect("it stands");
                writer.flush().await.expect("it stands");
                std::future::pending().await
            })
            .await;
            panel.connect(server.address, "pbx.test");
            let message: Vec<u8> = (0..SIZE).map(|at| (at / 7) as u8).collect();
            panel.table.send(Instant::now(), FLOW, message).expect("it may be queued before it stands");
            panel.stands().await;
            assert_eq!(panel.table.path(FLOW).map(|path| path.transport), Some(Transport::Tls));
            let mut heard = Vec::new();
            while heard.len() < SIZE + 9 {
                let FlowEvent::Bytes { bytes, .. } = panel.event().await else { panic!("it stands") };
                heard.extend(bytes);
            }
            assert!(heard[..SIZE].iter().enumerate().all(|(at, byte)| *byte == at as u8));
            assert_eq!(&heard[SIZE..], b"all of it");
            panel.table.close(FLOW);
        }
    });
}

#[test]
fn the_other_side_is_told_when_it_ends_here() {
    on_runtime(async {
        let mut panel = Panel::new();
        let issued = panel.authority.issue(&wanted("pbx", &["pbx.test"]));
        let acceptor = TlsAcceptor::from(Arc::new(of(&issued, &BOTH, None)));
        for leaves in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
            panel.connect(listener.local_addr().expect("it is bound"), "pbx.test");
            let (stream, _) = listener.accept().await.expect("it comes");
            let mut stream = acceptor.accept(stream).await.expect("it agrees");
            panel.stands().await;
            let mut heard = Vec::new();
            if leaves {
                panel.table.send(Instant::now(), FLOW, b"good bye".to_vec()).expect("it stands");
                let (sender, _) = mpsc::channel(1);
                let table = std::mem::replace(&mut panel.table, Table::new(Limits::default(), sender));
                tokio::join!(table.finish(Duration::from_secs(10)), async {
                    stream.read_to_end(&mut heard).await.expect("a cut would be an error");
                });
                assert_eq!(heard, b"good bye", "what waits is written before");
            } else {
                panel.table.close(FLOW);
                stream.read_to_end(&mut heard).await.expect("a cut would be an error");
                assert_eq!(heard, b"");
            }
        }
    });
}
